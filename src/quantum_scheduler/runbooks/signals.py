"""Tell what the runbooks on the shelf detect."""

from collections.abc import Iterable

import structlog

from quantum_scheduler.incidents.detection.model import Watched
from quantum_scheduler.monitoring.detect import Rule
from quantum_scheduler.runbooks.model import Runbook

log = structlog.get_logger(__name__)


def list_signals(runbooks: Iterable[Runbook]) -> list[Watched]:
    """List the signals of runbooks; one that does not say for how long, or when it clears, is left out and logged."""
    signals: dict[tuple[str, str], Watched] = {}
    for runbook in runbooks:
        for row in runbook.signals:
            if row.hold is None or row.clears_when is None or row.clears_hold is None:
                log.warning("runbook.signal_incomplete", runbook=runbook.name, signal=row.title, line=row.line)
                continue
            rule = Rule(
                runbook=runbook.name,
                title=row.title,
                when=row.when,
                hold=row.hold,
                severity=row.severity,
                clears_when=row.clears_when,
                clears_hold=row.clears_hold,
            )
            signals[runbook.name, row.title] = Watched(
                rule=rule,
                heading=runbook.title,
                key=runbook.lock or "",
                policy=runbook.on_call,
                service=runbook.service or "",
            )
    return list(signals.values())
