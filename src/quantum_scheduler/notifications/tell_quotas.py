"""Tell organisations how much of their quotas is spoken for: each thing once, to those who look after them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from quantum_scheduler.accounts.model import Role
from quantum_scheduler.accounts.organisation import Holder
from quantum_scheduler.accounts.organise import list_holders
from quantum_scheduler.accounts.quota.announce import take_forecasts, take_notices
from quantum_scheduler.accounts.quota.model import Forecast, Meter, Notice
from quantum_scheduler.notifications.model import TITLE_CHARS_MAX, Message, Target
from quantum_scheduler.notifications.outbox import post_message
from quantum_scheduler.postgres.connect import Connection

TOLD_ROLES: tuple[Role, ...] = ("admin", "finance")
FORECAST_EVERY = timedelta(minutes=10)

# What customers call a meter, and what one of its units is written in.
METERS: Mapping[Meter, tuple[str, float, str]] = {
    "solve_ms": ("solving time", 1 / 3_600_000, "h"),
    "qpu_ms": ("time on quantum computers", 1 / 1_000, "s"),
    "stored_bytes": ("stored problems", 1 / 2**20, "MiB"),
    "jobs_at_once": ("unfinished jobs", 1.0, "jobs"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaAudience:
    """Whom to tell beside the organisation's own people, and whether those can be sent mail."""

    targets: tuple[Target, ...] = ()
    sends_mail: bool = False


NOBODY_ELSE = QuotaAudience()


@dataclass(frozen=True, slots=True, kw_only=True)
class _News:
    org_id: UUID
    key: str
    message: Message


async def tell_notices(conn: Connection, audience: QuotaAudience, *, now: datetime) -> int:
    """Post the notices of which nobody was told yet; how many there were. Joins the caller's transaction."""
    notices = await take_notices(conn)
    holders = await _find_holders(conn, [each.org_id for each in notices])
    for each in notices:
        await _post(conn, _write_notice(each, holders.get(each.org_id, ())), holders, audience, now=now)
    return len(notices)


async def tell_forecasts(conn: Connection, audience: QuotaAudience, *, now: datetime) -> int:
    """Post which quotas will be used up before their period ends, once in it. Joins the caller's transaction."""
    forecasts = await take_forecasts(conn, now)
    holders = await _find_holders(conn, [each.usage.org_id for each in forecasts])
    for each in forecasts:
        await _post(conn, _write_forecast(each, holders.get(each.usage.org_id, ())), holders, audience, now=now)
    return len(forecasts)


async def _find_holders(conn: Connection, org_ids: Sequence[UUID]) -> dict[UUID, list[Holder]]:
    found: dict[UUID, list[Holder]] = {}
    for holder in await list_holders(conn, org_ids, TOLD_ROLES) if org_ids else ():
        found.setdefault(holder.org_id, []).append(holder)
    return found


async def _post(
    conn: Connection,
    news: _News,
    holders: Mapping[UUID, Sequence[Holder]],
    audience: QuotaAudience,
    *,
    now: datetime,
) -> None:
    targets = list(audience.targets)
    for holder in holders.get(news.org_id, ()):
        targets.append(Target(channel="inbox", address=str(holder.user_id)))
        if audience.sends_mail:
            targets.append(Target(channel="email", address=holder.email))
    await post_message(conn, targets, news.message, dedup_key=news.key, now=now)


def _write_notice(notice: Notice, holders: Sequence[Holder]) -> _News:
    meter, _, _ = METERS[notice.meter]
    whose = _name(notice.org_id, holders)
    text = (
        f"{_amount(notice.meter, notice.taken)} of {_amount(notice.meter, notice.amount)} of {meter} are used or "
        f"reserved by jobs that have not ended, as of {notice.noticed_at:%Y-%m-%d %H:%M} UTC.\n"
        "GET /v1/quota says how it stands now."
    )
    title = f"{whose}: {notice.percent} % of {meter} is spoken for"
    key = f"quota/{notice.org_id}/{notice.meter}/{notice.period}/{notice.percent}"
    return _News(org_id=notice.org_id, key=key, message=_write(title, text))


def _write_forecast(forecast: Forecast, holders: Sequence[Holder]) -> _News:
    usage = forecast.usage
    meter, _, _ = METERS[usage.meter]
    text = (
        f"{_amount(usage.meter, usage.used)} of {_amount(usage.meter, usage.amount)} of {meter} are used. If it goes "
        f"on like this, all of it is by {forecast.exhausted_at:%Y-%m-%d %H:%M} UTC, before the month ends."
    )
    title = f"{_name(usage.org_id, holders)}: {meter} will be used up on {forecast.exhausted_at:%Y-%m-%d}"
    key = f"quota-forecast/{usage.org_id}/{usage.meter}/{usage.period}"
    return _News(org_id=usage.org_id, key=key, message=_write(title, text))


def _write(title: str, text: str) -> Message:
    return Message(kind="notice", title=title[:TITLE_CHARS_MAX], text=text)


def _name(org_id: UUID, holders: Sequence[Holder]) -> str:
    return holders[0].org_name if holders else str(org_id)


def _amount(meter: Meter, amount: int) -> str:
    _, factor, unit = METERS[meter]
    return f"{amount * factor:.4g} {unit}"
