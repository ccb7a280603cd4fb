"""The reference says what the code does: generated pages are fresh, written ones name everything there is."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
REFERENCE = ROOT / "docs" / "reference"
SCRIPT = ROOT / "scripts" / "write_reference.py"


def test_generated_pages_are_what_the_code_says_now() -> None:
    checked = subprocess.run([sys.executable, str(SCRIPT), "--check"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_setting_is_described() -> None:
    code = (ROOT / "src" / "quantum_scheduler" / "settings.py").read_text(encoding="utf-8")
    page = (REFERENCE / "settings.md").read_text(encoding="utf-8")
    read = set(re.findall(r'"([A-Z][A-Z0-9_]{3,})"', code))
    described = set(re.findall(r"^\| `([A-Z][A-Z0-9_]+)`", page, re.MULTILINE))
    assert described == read
