"""Read the two tables of a runbook: what it detects, and how it gives traffic back."""

import re
from collections.abc import Iterator

from quantum_scheduler.expressions.parse import Expression, ExpressionInvalid, parse_expression
from quantum_scheduler.monitoring.detect import SEVERITIES
from quantum_scheduler.monitoring.hold import Hold, parse_hold
from quantum_scheduler.runbooks.model import Finding, RampRow, Signal
from quantum_scheduler.runbooks.outline import Table

DETECTION_HEAD = ("signal", "when", "for", "severity", "clears when", "for")
RAMP_HEAD = ("share", "hold", "go on when")
_SHARE = re.compile(r"(\d{1,3}(?:\.\d+)?)\s*%\Z")


def is_detection(table: Table) -> bool:
    """Say whether a table's head is that of a detection."""
    return _fold(table.head) == DETECTION_HEAD


def is_ramp(table: Table) -> bool:
    """Say whether a table's head is that of a ramp."""
    return _fold(table.head) == RAMP_HEAD


def read_signals(table: Table, findings: list[Finding]) -> Iterator[Signal]:
    """Read the rows of a detection table; a row that cannot be read is a finding."""
    for line, cells in table.rows:
        title, when, hold, severity, clears_when, clears_hold = (cells + ("",) * 6)[:6]
        known = next((each for each in SEVERITIES if each == severity), None)
        if known is None:
            findings.append(Finding.error("RB001", line, f"the severity is {severity!r}; it may be P0, P1, P2 or P3"))
        expression = _read_code(when, line, findings)
        if known is None or expression is None:
            continue
        yield Signal(
            line=line,
            title=title,
            when=expression,
            hold=_read_hold(hold, line, findings),
            severity=known,
            clears_when=_read_code(clears_when, line, findings) if clears_when else None,
            clears_hold=_read_hold(clears_hold, line, findings),
        )


def read_ramp(table: Table, findings: list[Finding]) -> Iterator[RampRow]:
    """Read the rows of a ramp; a row that cannot be read is a finding."""
    for line, cells in table.rows:
        share, hold, go_on = (cells + ("",) * 3)[:3]
        expression = _read_code(go_on, line, findings)
        match = _SHARE.match(share)
        hold_s = _read_hold(hold, line, findings)
        if match is None or not 0 < float(match[1]) <= 100:
            findings.append(Finding.error("RB001", line, f"the share is {share!r}; write a percentage such as 10%"))
        elif hold_s is None or hold_s.duration_s is None:
            findings.append(Finding.error("RB001", line, f"the hold is {hold!r}; write a duration such as 5m"))
        elif expression is not None:
            yield RampRow(line=line, share=float(match[1]), hold_s=hold_s.duration_s, go_on=expression)


def _read_hold(text: str, line: int, findings: list[Finding]) -> Hold | None:
    if not text:
        return None
    try:
        return parse_hold(text.strip("` "))
    except ValueError as error:
        findings.append(Finding.error("RB001", line, str(error)))
        return None


def _read_code(cell: str, line: int, findings: list[Finding]) -> Expression | None:
    if not (len(cell) > 2 and cell[0] == cell[-1] == "`"):
        findings.append(Finding.error("RB001", line, f"{cell!r} must be an expression between backticks"))
        return None
    try:
        return parse_expression(cell[1:-1].replace("\\|", "|"), line)
    except ExpressionInvalid as error:
        findings.append(Finding.error("RB014", line, error.reason))
        return None


def _fold(cells: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(cell.strip().lower() for cell in cells)
