"""Tell in headers what is allowed and what is left (draft-ietf-httpapi-ratelimit-headers), and when to try again."""

import math
from collections.abc import Sequence

from quantum_scheduler.accounts.limits.model import Standing

# Those who were refused together should not come back together.
JITTER_SHARE = 0.25
JITTER_S_MIN = 1.0


def write_headers(standings: Sequence[Standing]) -> dict[str, str]:
    """`RateLimit-Policy` with the quota and window of each layer, `RateLimit` with what is left and when it is full."""
    if not standings:
        return {}
    return {
        "RateLimit-Policy": ", ".join(map(_write_policy, standings)),
        "RateLimit": ", ".join(
            f'"{each.layer}";r={each.remaining};t={math.ceil(each.full_after_s)}' for each in standings
        ),
    }


def write_retry_after(seconds: float, chance: float) -> str:
    """`Retry-After`: whole seconds after which to try again, and a little more; `chance` is in [0, 1)."""
    return str(max(1, math.ceil(seconds + chance * max(JITTER_S_MIN, seconds * JITTER_SHARE))))


def _write_policy(standing: Standing) -> str:
    if standing.layer == "at-once":
        return f'"at-once";q={standing.rate.requests};qu="concurrent-requests"'
    return f'"{standing.layer}";q={standing.rate.requests};w={standing.rate.window_s}'


def _write_rest(standing: Standing) -> str:
    return f'"{standing.layer}";r={standing.remaining};t={math.ceil(standing.full_after_s)}'
