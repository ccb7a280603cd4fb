"""Read the YAML in front of a runbook: a few names and texts, nothing that YAML can do beyond that."""

from dataclasses import dataclass, field
from datetime import date

import yaml

from quantum_scheduler.runbooks.model import Finding, RunbookInvalid

FRONT_MATTER_CHARS_MAX = 4_000
FIELDS = ("runbook", "service", "owner", "review_by", "on_call", "lock", "dashboard")
REQUIRED = ("runbook", "service", "owner", "review_by", "on_call")


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontMatter:
    """What stands in front, by field; `body` is the rest of the file, which `lines` lines precede."""

    body: str
    lines: int = 0
    fields: dict[str, str] = field(default_factory=dict)
    review_by: date | None = None
    findings: tuple[Finding, ...] = ()


def split_front_matter(text: str) -> FrontMatter:
    """Take the front matter off a file that begins with `---`. Raises RunbookInvalid where it cannot be read."""
    if not text.startswith("---\n"):
        return FrontMatter(body=text)
    end = text.find("\n---\n", 3)
    if end < 0:
        raise RunbookInvalid(1, "the front matter that begins here does not end: close it with a line of ---")
    source = text[4 : end + 1]
    if len(source) > FRONT_MATTER_CHARS_MAX:
        raise RunbookInvalid(1, f"the front matter has more than {FRONT_MATTER_CHARS_MAX:,} characters")
    values, lines = _read_scalars(source)
    findings = [
        Finding.error(
            "RB002", lines[name], f"{name} is not a field of the front matter; it may hold {', '.join(FIELDS)}"
        )
        for name in values
        if name not in FIELDS
    ]
    review_by: date | None = None
    if "review_by" in values:
        try:
            review_by = date.fromisoformat(values["review_by"])
        except ValueError:
            message = f"review_by is {values['review_by']!r}; write a date such as 2027-02-01"
            findings.append(Finding.error("RB002", lines["review_by"], message))
    body_at = end + len("\n---\n")
    return FrontMatter(
        body=text[body_at:],
        lines=text.count("\n", 0, body_at),
        fields=values,
        review_by=review_by,
        findings=tuple(findings),
    )


def _read_scalars(source: str) -> tuple[dict[str, str], dict[str, int]]:
    """Read a flat mapping from events, so that nothing is ever built from aliases, tags or nested values."""
    values: dict[str, str] = {}
    lines: dict[str, int] = {}
    key: str | None = None
    try:
        for event in yaml.parse(source, Loader=yaml.SafeLoader):
            line = (event.start_mark.line if event.start_mark else 0) + 2
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                raise RunbookInvalid(line, "anchors and aliases may not be used in the front matter")
            if isinstance(event, yaml.SequenceStartEvent) or (isinstance(event, yaml.MappingStartEvent) and lines):
                raise RunbookInvalid(line, "the front matter may hold names with texts, nothing nested")
            if not isinstance(event, yaml.ScalarEvent):
                continue
            if key is None:
                key = event.value
                if key in lines:
                    raise RunbookInvalid(line, f"{key} stands twice in the front matter")
                lines[key] = line
            else:
                values[key], key = event.value, None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise RunbookInvalid(2 if mark is None else mark.line + 2, "the front matter is not YAML") from None
    if key is not None:
        raise RunbookInvalid(2, "the front matter must hold `name: text` lines")
    return values, lines
