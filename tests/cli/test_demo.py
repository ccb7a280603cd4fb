"""`demo`: the first thing a newcomer runs."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET


def test_the_demo_solves_its_week_shows_it_and_leaves_nothing_behind(
    run: Any, tmp_path: Path, short_folder: Path
) -> None:
    temporary = short_folder / "demo"
    temporary.mkdir()
    svg = tmp_path / "week.svg"
    ended = run("demo", "--json", "--svg", svg, environ={"TMPDIR": str(temporary)})
    assert ended.returncode == 0, ended.stderr
    job = json.loads(ended.stdout)
    assert job["state"] == "succeeded"
    assert job["problem"]["tasks"] == 60
    assert job["problem"]["agents"] == 8
    assert job["result"]["verified"] is True
    assert ET.fromstring(svg.read_text()).get("role") == "img"
    assert str(svg) in ended.stderr
    assert "curl" in ended.stderr
    assert not list(temporary.iterdir())
