import pytest

from quantum_scheduler.jobs.model import FAILURES_MAX, Failed, Retry
from quantum_scheduler.jobs.retry import RETRY_DELAY_MAX_S, judge_failure


@pytest.mark.parametrize("kind", ["crashed", "rate_limit", "unavailable", "timeout"])
def test_what_may_pass_is_tried_again_up_to_the_limit(kind: str) -> None:
    tries = [judge_failure(kind, "no", failures=failures, chance=0.5) for failures in range(FAILURES_MAX)]
    assert [type(outcome) for outcome in tries] == [Retry] * (FAILURES_MAX - 1) + [Failed]
    last = tries[-1]
    assert last == Failed(kind=kind, message=f"no (tried {FAILURES_MAX} times)")


@pytest.mark.parametrize("kind", ["invalid", "timed_out", "deadline", "too_large", "integrity", "auth", "error"])
def test_what_cannot_pass_is_not_tried_again(kind: str) -> None:
    assert judge_failure(kind, "no", failures=0, chance=0.5) == Failed(kind=kind, message="no")


def test_the_delay_doubles_and_is_spread_by_chance() -> None:
    def delay_s(failures: int, chance: float) -> float:
        outcome = judge_failure("crashed", "no", failures=failures, chance=chance)
        assert isinstance(outcome, Retry)
        return outcome.delay_s

    assert [delay_s(failures, 0.5) for failures in (0, 1)] == [1.0, 2.0]
    assert delay_s(0, 0.0) == 0.5
    assert delay_s(0, 0.999) == pytest.approx(1.5, abs=0.01)
    assert delay_s(1, 0.999) <= RETRY_DELAY_MAX_S
