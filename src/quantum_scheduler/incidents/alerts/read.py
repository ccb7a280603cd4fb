"""Read an alert of somebody else as one of ours: its title, severity, runbook and key, from labels and annotations."""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from quantum_scheduler.incidents.alerts.document import AlertmanagerAlert, AlertRequest
from quantum_scheduler.incidents.alerts.model import (
    HEARTBEAT,
    LABEL_CHARS_MAX,
    SEVERITIES,
    SEVERITY_UNSAID,
    Alert,
    Source,
)
from quantum_scheduler.incidents.model import TEXT_CHARS_MAX, TITLE_CHARS_MAX
from quantum_scheduler.monitoring.detect import Severity

# What an exporter's year 1 means: no time.
YEAR_MIN = 2000
_RUNBOOK = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}\Z")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_LINE_BREAKS = re.compile(r"[\x00-\x1f\x7f]+")


def read_alertmanager(alert: AlertmanagerAlert, source: Source) -> Alert:
    """Read an alert of Alertmanager or Grafana; what is too long is cut, because it would not be sent again."""
    labels, notes = alert.labels, alert.annotations
    title = notes.get("summary") or notes.get("title") or labels.get("alertname") or "An alert without a name"
    impact = notes.get("impact") or notes.get("description") or ""
    began_at = alert.starts_at
    return Alert(
        source=source,
        fingerprint=_clean_line(alert.fingerprint, LABEL_CHARS_MAX) or make_fingerprint(labels),
        status=alert.status,
        title=_clean_line(title, TITLE_CHARS_MAX) or "An alert without a name",
        severity=read_severity(labels.get("severity") or labels.get("priority") or ""),
        impact=_CONTROL.sub(" ", impact)[:TEXT_CHARS_MAX],
        runbook=_find_runbook(labels, notes),
        key=_clean_line(labels.get("key", ""), TITLE_CHARS_MAX),
        policy=_clean_line(labels.get("policy", ""), TITLE_CHARS_MAX) or None,
        service=_clean_line(labels.get("service", ""), TITLE_CHARS_MAX) or None,
        began_at=None if began_at is None or began_at.year < YEAR_MIN else began_at,
        url=_clean_line(alert.generator_url, LABEL_CHARS_MAX) or None,
        labels={
            _clean_line(name, LABEL_CHARS_MAX): _clean_line(value, LABEL_CHARS_MAX) for name, value in labels.items()
        },
    )


def read_alert(asked: AlertRequest) -> Alert:
    """Read an alert of our own shape."""
    return asked.to_alert(asked.fingerprint or make_fingerprint({**asked.labels, "": asked.title}))


def read_severity(word: str) -> Severity | None:
    """Say what a word for a severity means here; None for one that asks for no incident."""
    said = word.strip().lower()
    return None if said == HEARTBEAT else SEVERITIES.get(said, SEVERITY_UNSAID)


def make_fingerprint(labels: Mapping[str, str]) -> str:
    """Make a fingerprint of labels, the same in whatever order they come."""
    return hashlib.sha256(json.dumps(sorted(labels.items())).encode()).hexdigest()[:16]


def _find_runbook(labels: Mapping[str, str], notes: Mapping[str, str]) -> str | None:
    """The name of the runbook: as a label or annotation, or as the end of the address of one."""
    named = labels.get("runbook") or notes.get("runbook") or _read_address(notes.get("runbook_url", ""))
    name = named.strip().lower()
    return name if _RUNBOOK.match(name) else None


def _read_address(url: str) -> str:
    """`https://wiki.example/runbooks.md#dynex-outage` and `.../dynex-outage.md` name the same runbook."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return parts.fragment or PurePosixPath(parts.path).stem


def _clean_line(text: str, chars_max: int) -> str:
    return _LINE_BREAKS.sub(" ", text).strip()[:chars_max]
