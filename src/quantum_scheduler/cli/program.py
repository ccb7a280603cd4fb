"""What the person at the terminal calls this program, so that a hint can be copied as it stands."""

import os
import re
import sys
from pathlib import Path

NAME = "quantum-scheduler"
ALIASES = frozenset({NAME, "qs"})
# The launcher of a clone becomes this program, and says here under which name it was started.
STARTED_AS = "QUANTUM_SCHEDULER_STARTED_AS"

_COMMAND = re.compile(
    rf"\b{NAME} (?=(?:up|db|submit|jobs?|worker|watch|queue|incidents?|oncall|status|cron|solve|demo"
    r"|runbook|run|action|secrets)\b)"
)


def name_program() -> str:
    """Return what was typed to start this program, or its name where that is not known."""
    typed = sys.argv[0] if sys.argv else ""
    return os.environ.get(STARTED_AS) or (Path(typed).name if Path(typed).name in ALIASES else NAME)


def as_typed(text: str) -> str:
    """Have the commands that a text proposes begin as the person's own did."""
    program = name_program()
    return _COMMAND.sub(lambda _: f"{program} ", text)
