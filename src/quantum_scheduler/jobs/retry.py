"""Decide whether work that failed is worth another try, and when."""

from quantum_scheduler.jobs.model import FAILURES_MAX, Failed, Retry

# What may be over at the next try; everything else would only fail again.
RETRIED_KINDS = frozenset({"crashed", "rate_limit", "unavailable", "timeout"})
RETRY_DELAY_MIN_S = 1.0
RETRY_DELAY_MAX_S = 60.0
RETRY_AFTER_MAX_S = 3_600.0


def judge_failure(
    kind: str, message: str, *, failures: int, chance: float, retry_after_s: float | None = None
) -> Failed | Retry:
    """Fail the job, or try again with exponential back-off, after `failures` earlier ones.

    The delay in seconds is doubled each time and spread by `chance`, which lies in [0, 1), from half to one and a half;
    it is never shorter than the `retry_after_s` that somebody asked for.
    """
    if kind not in RETRIED_KINDS:
        return Failed(kind=kind, message=message)
    if failures + 1 >= FAILURES_MAX:
        return Failed(kind=kind, message=f"{message} (tried {failures + 1} times)")
    delay_s = min(RETRY_DELAY_MIN_S * 2.0**failures, RETRY_DELAY_MAX_S) * (0.5 + chance)
    delay_s = max(delay_s, min(retry_after_s or 0.0, RETRY_AFTER_MAX_S))
    return Retry(kind=kind, message=message, delay_s=delay_s)
