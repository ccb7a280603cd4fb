"""The page of security requirements names tests that there are."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security" / "asvs.md").read_text(encoding="utf-8")
HERE = Path(__file__).parent


def test_every_test_that_the_page_names_exists() -> None:
    named = re.findall(r"`((?:tests/)?[\w/]*test_\w+\.py)(?:::(test_\w+))?`", PAGE)
    assert len(named) > 50
    for file, name in named:
        path = ROOT / file if "/" in file else HERE / file
        assert f"def {name}" in path.read_text(encoding="utf-8"), (file, name)


def test_every_test_that_is_named_in_short_exists() -> None:
    tests = "".join(path.read_text(encoding="utf-8") for path in HERE.glob("test_*.py"))
    for end in re.findall(r"`…(\w+)`", PAGE):
        assert re.search(rf"def test_\w*{end}\(", tests), end
