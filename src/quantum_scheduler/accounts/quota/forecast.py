"""Say when a quota will be used up if all goes on as it did."""

from datetime import UTC, date, datetime, timedelta

from quantum_scheduler.accounts.quota.model import MONTHLY, Usage

# A pace is judged over at least so long.
ELAPSED_MIN = timedelta(days=1)
# What a few busy hours at the beginning of a month would lead to is no news.
TOLD_AFTER = timedelta(days=3)
TOLD_FROM_SHARE = 0.25


def forecast_exhaustion(usage: Usage, now: datetime) -> datetime | None:
    """When the quota will be spoken for at the mean pace of its period; None where not before the period ends."""
    taken = usage.used + usage.reserved
    if taken >= usage.amount:
        return now
    if usage.meter not in MONTHLY or not usage.used:
        return None
    began = datetime(usage.period.year, usage.period.month, usage.period.day, tzinfo=UTC)
    pace = usage.used / max(now - began, ELAPSED_MIN).total_seconds()
    left_s = (usage.amount - taken) / pace
    return now + timedelta(seconds=left_s) if left_s < (end_of(usage.period) - now).total_seconds() else None


def is_telling(usage: Usage, now: datetime) -> bool:
    """Whether the period is old enough, and enough of the quota used, to tell anybody of a forecast."""
    began = datetime(usage.period.year, usage.period.month, usage.period.day, tzinfo=UTC)
    return now - began >= TOLD_AFTER and TOLD_FROM_SHARE * usage.amount <= usage.used < usage.amount


def end_of(period: date) -> datetime:
    """When a monthly period ends and the next begins."""
    following = (period.replace(day=1) + timedelta(days=32)).replace(day=1)
    return datetime(following.year, following.month, following.day, tzinfo=UTC)
