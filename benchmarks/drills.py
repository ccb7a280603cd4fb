"""Write down what drills found: `python -m benchmarks.drills FOLDER` reads what `drill --report FOLDER` left there.

Wants: each drill mitigated within 30 s of detection with no job lost, and two in a row of the same outcome.
"""

import argparse
import json
import os
import platform
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks" / "drills.md"
HEAD = """\
# Drills, measured

- Linux {kernel} on {cpus} cores that others used too, Python {python}; `up --vendors`, one worker
- {day}; {jobs_per_s:g} jobs a second meanwhile; holds and people took {hold_factor:g} times what they take in earnest
- Again: `quantum-scheduler drill NAME --load 2 --report FOLDER`, then `python -m benchmarks.drills FOLDER`

Seconds count from the fault; the figure beside `mitigated` counts from detection on, and 30 s are the most it may be.
A job is lost that was acknowledged and has no verified answer. Two outcomes are the same where all checks are, the
branches that were taken, the shares that were given back, and how the run ended.

| Drill | Fault | Detected | Declared | Mitigated | | Lifted | Resolved | Jobs lost | Passed | As before |
|---|---|---|---|---|---|---|---|---|---|---|
"""
TIMES = ("detect_s", "declare_s", "mitigate_s", "detected_to_mitigated_s", "lift_s", "resolve_s")


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    reports = sorted(
        (json.loads(each.read_text(encoding="utf-8")) for each in parser.parse_args().folder.glob("*.json")),
        key=lambda report: (_name(report), report["began_at"]),
    )
    rows = [row for _, group in groupby(reports, key=_name) for row in _write_rows(list(group))]
    head = HEAD.format(
        kernel=platform.release(),
        cpus=os.cpu_count(),
        python=platform.python_version(),
        day=max(report["began_at"] for report in reports)[:10],
        jobs_per_s=reports[0]["jobs_per_s"],
        hold_factor=reports[0]["hold_factor"],
    )
    PAGE.write_text(head + "\n".join(rows) + "\n", encoding="utf-8")


def _name(report: Mapping[str, Any]) -> tuple[str, str]:
    return report["drill"], report["fault"]["kind"]


def _write_rows(reports: Sequence[Mapping[str, Any]]) -> list[str]:
    """Write the drills of one fault, in turn."""
    rows = []
    for before, report in zip((None, *reports), reports, strict=False):
        lost = f"{len(report['jobs']['lost'])} of {report['jobs']['acknowledged']}"
        as_before = "" if before is None else "yes" if before["outcome"] == report["outcome"] else "**no**"
        passed = "yes" if report["passed"] else "**no**"
        cells = (*_name(report), *(_write_s(report["seconds"][time]) for time in TIMES), lost, passed, as_before)
        rows.append(f"| {' | '.join(cells)} |")
    return rows


def _write_s(seconds: float | None) -> str:
    return "never" if seconds is None else f"{seconds:.1f}"


if __name__ == "__main__":
    main()
