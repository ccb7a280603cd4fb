"""Write a runbook in the one form: tables aligned, machine lines spelled alike, steps numbered; words stay."""

import re
from collections.abc import Iterator

from quantum_scheduler.runbooks.machine import KEYWORDS
from quantum_scheduler.runbooks.read import read_document

_KEYWORD = re.compile(rf"(\s*)[-*+]\s+({'|'.join(KEYWORDS)})\s*:\s*(.*?)\s*\Z")
_NUMBERED = re.compile(r"(\d{1,9})[.)]\s+(.*)\Z")
_HEADING = re.compile(r"(#{1,6})\s+(.*?)\s*#*\s*\Z")
_WINDOW = re.compile(r"\((\d+)\s*[-–—]\s*(\d+)\s*(?:m|min|minutes?)\)\Z", re.IGNORECASE)
_FENCE = re.compile(r"\s*(`{3,}|~{3,})")
_RULE = re.compile(r"\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*\Z")


def format_document(text: str) -> str:
    """Format a file; formatting it again changes nothing, and it reads as the same runbooks. Raises RunbookInvalid."""
    read_document(text)
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    front = _front_matter_length(lines)
    formatted = [*(line.rstrip() for line in lines[:front]), *_join_blank(_format_body(lines[front:]))]
    return "\n".join(formatted).strip("\n") + "\n"


def _front_matter_length(lines: list[str]) -> int:
    if lines[0] != "---":
        return 0
    return next((at + 1 for at, line in enumerate(lines[1:], start=1) if line == "---"), 0)


def _format_body(lines: list[str]) -> Iterator[str]:
    """Format line by line; a table is taken as a whole, and what is fenced is passed through."""
    fence = ""
    number = 0
    at = 0
    while at < len(lines):
        line = lines[at]
        if fence or (match := _FENCE.match(line)):
            fence = "" if fence and line.strip() == fence else fence or (match[1] if match else "")
            number = number if line.startswith(" ") else 0
            yield line
        elif _is_table(lines, at):
            end = at
            while end < len(lines) and "|" in lines[end]:
                end += 1
            yield from _format_table(lines[at:end])
            at = end - 1
        else:
            numbered = _NUMBERED.match(line)
            if numbered is not None:
                number = number + 1 if number else int(numbered[1])
            elif line.strip() and not line.startswith(" "):
                number = 0
            yield _format_line(line, number)
        at += 1


def _format_line(line: str, number: int) -> str:
    if match := _KEYWORD.match(line):
        return f"{match[1]}- {match[2]}: {match[3]}"
    if match := _NUMBERED.match(line):
        return f"{number}. {match[2]}".rstrip()
    if match := _HEADING.match(line):
        window = _WINDOW.sub(lambda found: f"({found[1]}–{found[2]} minutes)", match[2])
        return f"{match[1]} {window}"
    return line.rstrip()


def _is_table(lines: list[str], at: int) -> bool:
    return "|" in lines[at] and at + 1 < len(lines) and "|" in lines[at + 1] and bool(_RULE.match(lines[at + 1]))


def _format_table(lines: list[str]) -> Iterator[str]:
    """Align the columns of a table, as wide as their widest cell."""
    indent = lines[0][: len(lines[0]) - len(lines[0].lstrip())]
    rows = [_split_cells(line) for at, line in enumerate(lines) if at != 1]
    columns = len(rows[0])
    rows = [(row + [""] * columns)[:columns] for row in rows]
    widths = [max(3, *(len(row[column]) for row in rows)) for column in range(columns)]
    yield _join_cells(rows[0], widths, indent)
    yield _join_cells(["-" * width for width in widths], widths, indent)
    for row in rows[1:]:
        yield _join_cells(row, widths, indent)


def _split_cells(line: str) -> list[str]:
    line = line.strip().removeprefix("|")
    line = line.removesuffix("|") if not line.endswith("\\|") else line
    cells, cell = [], ""
    for at, character in enumerate(line):
        if character == "|" and not (at and line[at - 1] == "\\"):
            cells.append(cell.strip())
            cell = ""
        else:
            cell += character
    return [*cells, cell.strip()]


def _join_cells(cells: list[str], widths: list[int], indent: str) -> str:
    padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    return f"{indent}| {' | '.join(padded)} |"


def _join_blank(lines: Iterator[str]) -> Iterator[str]:
    """Leave one blank line where there are several, and one before a heading; what is fenced is passed through."""
    fence, previous = "", ""
    for line in lines:
        if fence or (match := _FENCE.match(line)):
            fence = "" if fence and line.strip() == fence else fence or (match[1] if match else "")
        elif not line and not previous:
            continue
        elif _HEADING.match(line) and previous:
            yield ""
        yield line
        previous = line
