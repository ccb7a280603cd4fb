"""Buckets in the memory of this process, for while the database cannot be asked."""

from collections import OrderedDict
from collections.abc import Callable

from quantum_scheduler.accounts.limits.model import MICROSECONDS, Layer, Rate, Standing

BUCKETS_MAX = 10_000


class LocalBuckets:
    """Take requests as the database's buckets do; the bucket that was used longest ago is forgotten, and so is full.

    `clock` tells seconds.
    """

    def __init__(self, clock: Callable[[], float], *, buckets_max: int = BUCKETS_MAX) -> None:
        self._clock = clock
        self._buckets_max = buckets_max
        self._full_at_us: OrderedDict[str, int] = OrderedDict()

    def take(self, layer: Layer, name: str, rate: Rate) -> Standing:
        """Take one request from a bucket, if it has one left."""
        bucket, now, interval = f"{layer}:{name}", int(self._clock() * MICROSECONDS), rate.interval_us
        before = max(self._full_at_us.get(bucket, now), now)
        over = before + interval - now - interval * rate.requests
        after = before if over > 0 else before + interval
        self._full_at_us[bucket] = after
        self._full_at_us.move_to_end(bucket)
        if len(self._full_at_us) > self._buckets_max:
            self._full_at_us.popitem(last=False)
        return Standing(
            layer=layer,
            rate=rate,
            remaining=max(0, rate.requests - -(-(after - now) // interval)),
            full_after_s=(after - now) / MICROSECONDS,
            retry_after_s=over / MICROSECONDS if over > 0 else None,
        )
