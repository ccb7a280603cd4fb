#!/usr/bin/env python3
"""Write the pages of docs/reference that are generated from the code.

With --check nothing is written; the pages that are no longer what the code says are named, and the exit code is 1.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any, cast

from quantum_scheduler.api import create_api
from quantum_scheduler.cli import app
from quantum_scheduler.expressions.registry import Parameter
from quantum_scheduler.monitoring.describe import write_metrics
from quantum_scheduler.monitoring.table import build_table
from quantum_scheduler.problems.publish import problem_schema
from quantum_scheduler.runbooks.actions.row import Action
from quantum_scheduler.runbooks.actions.table import ACTIONS
from quantum_scheduler.runbooks.lint import CODES
from quantum_scheduler.runbooks.model import Runbook
from quantum_scheduler.runbooks.read import measure_coverage
from quantum_scheduler.runbooks.shelf import read_shelf
from quantum_scheduler.settings import read_settings

FOLDER = Path(__file__).parent.parent / "docs" / "reference"
ACTIONS_TITLE = """# Actions

What runbooks may do, and anybody by hand: `quantum-scheduler action run NAME name=value`. Generated from the code.

A `read` only looks; a `write` changes something; a `dangerous` one is done by a runbook only once a person has approved
it, and by hand only once it is confirmed. Each may be done twice. Arguments with a question mark may be left away.
"""
LINT_TITLE = """# What is wrong with a runbook

The codes of `quantum-scheduler runbook lint`, generated from it. Each finding has a line and says how to mend it;
one that is marked as info does not keep a runbook from being executed.
"""
RUNBOOKS_TITLE = """# The library of runbooks

What each watches for, and how much of it the engine does by itself; generated from the runbooks. The other steps are
gates: a person approves, confirms or chooses. `quantum-scheduler runbook show NAME` prints one, and
[this is how to write one](../how-to/write-a-runbook.md).
"""
COMMANDS_TITLE = "# The command line\n\nGenerated from the commands themselves; `--help` says the same.\n"


def write_pages() -> dict[str, str]:
    """Return each generated page under its file name."""
    return {
        "actions.md": _actions(),
        "command-line.md": _commands(),
        "metrics.md": write_metrics(build_table()),
        "openapi.json": _to_text(_openapi()),
        "problem.schema.json": _to_text(problem_schema()),
        "runbook-lint.md": _lint_codes(),
        "runbooks.md": _runbooks(),
    }


def _actions() -> str:
    rooms: dict[str, list[Action]] = {}
    for action in ACTIONS.values():
        rooms.setdefault(action.name.rpartition(".")[0] or "people", []).append(action)
    parts = [f"## {room}\n\n" + "\n".join(map(_describe_action, actions)) for room, actions in sorted(rooms.items())]
    return ACTIONS_TITLE + "\n" + "\n".join(parts)


def _lint_codes() -> str:
    rows = "\n".join(f"| `{code}` | {meaning} |" for code, meaning in sorted(CODES.items()))
    return f"{LINT_TITLE}\n| Code | What it means |\n| --- | --- |\n{rows}\n"


def _runbooks() -> str:
    return RUNBOOKS_TITLE + "".join(_describe_runbook(book.runbook) for _, book in sorted(read_shelf().books.items()))


def _describe_runbook(runbook: Runbook) -> str:
    counted = measure_coverage([runbook])
    branches = [each.title for each in runbook.branches() if not each.is_otherwise]
    signals = [
        f"| {each.title} | `{each.when.text}` | {each.hold} | {each.severity} | `{each.clears_when.text}` |"
        for each in runbook.signals
        if each.clears_when is not None
    ]
    steps = f"{counted.steps} steps, {counted.automated} automated, {counted.gated} gated"
    return "\n".join(
        (
            f"\n## {runbook.title}\n",
            f"`{runbook.name}`: {steps}; {len(runbook.drills)} drills.\n",
            "| Signal | When | For | Severity | Clears when |",
            "| --- | --- | --- | --- | --- |",
            *signals,
            "",
            *(f"- {each}" for each in branches),
            "",
        )
    )


def _describe_action(action: Action) -> str:
    arguments = [_describe_parameter(each) for each in action.function.parameters]
    undo = f"\n\nTaken back by `{action.undo}`." if action.undo else ""
    return f"### `{action.name}({', '.join(arguments)})`\n\n*{action.effect}.* {action.function.promise}{undo}\n"


def _describe_parameter(parameter: Parameter) -> str:
    kinds = [f'"{each}"' for each in parameter.choices]
    kinds += [each.__name__ for each in parameter.types if each is not type(None) and not parameter.choices]
    return f"{parameter.name}{'' if parameter.is_required else '?'}: {' or '.join(kinds) or 'any'}"


def _commands() -> str:
    text: str = app.generate_docs(output_format="markdown")
    return COMMANDS_TITLE + "\n" + text.split("\n", 2)[2].strip() + "\n"


def _openapi() -> dict[str, Any]:
    """Describe the API; what it would be served with is not touched by that."""
    nothing = cast("Any", None)
    api = create_api(
        pool=nothing,
        listener=nothing,
        notifier=nothing,
        executor=nothing,
        stop=asyncio.Event(),
        request_bytes_max=read_settings({}).request_bytes_max,
    )
    document: dict[str, Any] = json.loads(api.state.description.openapi)
    return document


def _to_text(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def main(arguments: list[str]) -> int:
    """Write the pages, or check them."""
    pages = {FOLDER / name: text for name, text in write_pages().items()}
    stale = [page for page, text in pages.items() if not page.exists() or page.read_text(encoding="utf-8") != text]
    if "--check" in arguments:
        for page in stale:
            print(f"{page.name} is stale; write it anew: python scripts/write_reference.py")
        return 1 if stale else 0
    for page in stale:
        page.write_text(pages[page], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
