"""The words: what people are told when an incident begins, changes and ends."""

from datetime import datetime

from quantum_scheduler.notifications.model import TEXT_CHARS_MAX, TITLE_CHARS_MAX, Button, Message, Severity


def write_alert(
    *,
    incident: str,
    severity: Severity,
    title: str,
    impact: str = "",
    eta: str = "",
    url: str | None = None,
    buttons: tuple[Button, ...] = (),
) -> Message:
    """Write the initial alert."""
    return Message(
        kind="alert",
        title=_cut(f"🚨 INCIDENT: {severity} - {title}", TITLE_CHARS_MAX),
        text=_cut(
            f"Status: Investigating\n"
            f"Impact: {impact or 'not known yet'}\n"
            f"ETA: {eta or 'not known yet'}\n"
            f"Incident Channel: #{incident}",
            TEXT_CHARS_MAX,
        ),
        incident=incident,
        severity=severity,
        url=url,
        buttons=buttons,
    )


def write_update(
    *, incident: str, severity: Severity, title: str, status: str, text: str, url: str | None = None
) -> Message:
    """Write what has changed."""
    return Message(
        kind="update",
        title=_cut(f"INCIDENT UPDATE: {severity} - {title}", TITLE_CHARS_MAX),
        text=_cut(f"Status: {status}\n{text}", TEXT_CHARS_MAX),
        incident=incident,
        severity=severity,
        url=url,
    )


def write_acknowledgement(
    *, incident: str, severity: Severity, title: str, who: str, until: datetime, url: str | None = None
) -> Message:
    """Write who is at it."""
    return Message(
        kind="acknowledged",
        title=_cut(f"INCIDENT ACKNOWLEDGED: {severity} - {title}", TITLE_CHARS_MAX),
        text=_cut(f"{who} is at it, and will say so again by {until:%Y-%m-%d %H:%M} UTC", TEXT_CHARS_MAX),
        incident=incident,
        severity=severity,
        url=url,
    )


def write_resolution(
    *,
    incident: str,
    severity: Severity,
    title: str,
    root_cause: str,
    began_at: datetime,
    resolved_at: datetime,
    review_at: datetime,
    url: str | None = None,
) -> Message:
    """Write that it is over."""
    minutes = max(1, round((resolved_at - began_at).total_seconds() / 60))
    return Message(
        kind="resolved",
        title=_cut(f"✅ RESOLVED: {severity} - {title}", TITLE_CHARS_MAX),
        text=_cut(
            f"Root Cause: {root_cause or 'under review'}\n"
            f"Duration: {minutes} minutes\n"
            f"Next Steps: Post-incident review scheduled for {review_at:%Y-%m-%d %H:%M} UTC",
            TEXT_CHARS_MAX,
        ),
        incident=incident,
        severity=severity,
        url=url,
    )


def _cut(text: str, chars_max: int) -> str:
    return text if len(text) <= chars_max else f"{text[: chars_max - 1]}…"
