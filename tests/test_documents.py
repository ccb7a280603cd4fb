"""What the documents tell a newcomer to type exists."""

import re
import shlex
from pathlib import Path

import pytest

from quantum_scheduler.cli import app

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs" / "how-to").glob("*.md"))]
TEXT = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
COMMANDS = sorted(set(re.findall(r"^(?:\$ )?(?:\./)?quantum-scheduler +(?!test\b)(.*)$", TEXT, flags=re.MULTILINE)))
FILES = sorted(set(re.findall(r"\b(?:examples|scripts)/[\w.]+", TEXT)))


def test_the_documents_show_commands_and_files() -> None:
    assert len(COMMANDS) >= 10
    assert len(FILES) >= 3


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_parses(line: str) -> None:
    words = shlex.split(re.sub(r"\s<\s*\S+", "", line), comments=True)  # what comes from a file is the shell's
    command, *_ = app.parse_args(words, exit_on_error=False, print_error=False)
    assert command.__module__.startswith("quantum_scheduler.cli.")


@pytest.mark.parametrize("path", FILES)
def test_every_file_exists(path: str) -> None:
    assert (ROOT / path).exists()
