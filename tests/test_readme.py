"""What the README tells a newcomer to type exists."""

import re
import shlex
from pathlib import Path

import pytest

from quantum_scheduler.cli import app

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
COMMANDS = re.findall(r"^(?:\$ )?(?:\./)?quantum-scheduler +(.*)$", README, flags=re.MULTILINE)
LINKS = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in link]


def test_the_readme_shows_commands_and_links() -> None:
    assert len(COMMANDS) >= 5
    assert len(LINKS) >= 4


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_in_the_readme_parses(line: str) -> None:
    words = shlex.split(line, comments=True)
    command, *_ = app.parse_args(words, exit_on_error=False, print_error=False)
    assert command.__module__.startswith("quantum_scheduler.cli.")


@pytest.mark.parametrize("path", [*LINKS, *re.findall(r"examples/[\w.]+", README)])
def test_every_file_in_the_readme_exists(path: str) -> None:
    assert (ROOT / path).exists()
