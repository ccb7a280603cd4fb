"""Find what is to be told of quotas, and count it as told in the transaction of whoever tells it."""

from datetime import datetime

from quantum_scheduler.accounts.quota import store
from quantum_scheduler.accounts.quota.forecast import forecast_exhaustion, is_telling
from quantum_scheduler.accounts.quota.model import Forecast, Notice
from quantum_scheduler.postgres.connect import Connection

TOLD_AT_ONCE_MAX = 100


async def take_notices(conn: Connection) -> list[Notice]:
    """Take up to `TOLD_AT_ONCE_MAX` notices of which nobody was told yet. Joins the caller's transaction."""
    return await store.take_untold(conn, count_max=TOLD_AT_ONCE_MAX)


async def take_forecasts(conn: Connection, now: datetime) -> list[Forecast]:
    """Take the quotas that will be used up in their period and of which nobody was told. Joins the transaction."""
    forecasts = []
    for usage in await store.list_usage(conn, None):
        if is_telling(usage, now):
            exhausted_at = forecast_exhaustion(usage, now)
            if exhausted_at is not None:
                forecasts.append(Forecast(usage=usage, exhausted_at=exhausted_at))
    return await store.note_forecasts(conn, forecasts) if forecasts else []
