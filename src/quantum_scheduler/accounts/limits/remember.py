"""Remember for a moment who was refused, so that a flood costs the database nothing; and who never stops."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace

from quantum_scheduler.accounts.limits.model import AbnormalUsageDetected, Standing

REMEMBERED_MAX = 10_000
# A limit that is raised meanwhile shows after so long.
REMEMBERED_S_MAX = 1.0
# A key that is refused so often in a minute does not read the answers, and gets none for a minute. Behind a network
# there may be others.
REFUSALS_MAX = 1_000
REFUSALS_WINDOW_S = 60.0
BARRED_S = 60.0


@dataclass(slots=True)
class _Refusals:
    standing: Standing
    since: float
    until: float = 0.0
    free_at: float = 0.0
    count: int = 0
    barred_until: float = 0.0


class RefusedLately:
    """Who was refused by which bucket, until it has a request left again. `clock` tells seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._refusals: OrderedDict[str, _Refusals] = OrderedDict()

    def recall(self, bucket: str) -> Standing | None:
        """How the bucket stands if it is known to refuse. Raises AbnormalUsageDetected."""
        known, now = self._refusals.get(bucket), self._clock()
        if known is None:
            return None
        if known.barred_until > now:
            raise AbnormalUsageDetected(known.barred_until - now)
        if known.until <= now:
            return None
        return replace(known.standing, retry_after_s=known.free_at - now)

    def note(self, bucket: str, standing: Standing) -> None:
        """Remember that the bucket refused; what is recalled is not remembered for longer by that."""
        now, wait = self._clock(), standing.retry_after_s or 0.0
        known = self._refusals.setdefault(bucket, _Refusals(standing, now))
        if known.until <= now:
            known.standing, known.until, known.free_at = standing, now + min(wait, REMEMBERED_S_MAX), now + wait
        self._count(known, now)
        self._refusals.move_to_end(bucket)
        if len(self._refusals) > REMEMBERED_MAX:
            self._refusals.popitem(last=False)

    def _count(self, known: _Refusals, now: float) -> None:
        if now - known.since > REFUSALS_WINDOW_S:
            known.since, known.count = now, 0
        known.count += 1
        if known.count > REFUSALS_MAX and known.standing.layer == "key":
            known.barred_until, known.count = now + BARRED_S, 0
