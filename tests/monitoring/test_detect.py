"""Detection in virtual time: one alert an outage, none for noise, and what is not known decides nothing."""

import json
import random
from dataclasses import replace
from statistics import median, quantiles

from quantum_scheduler.expressions.evaluate import UNKNOWN, Value
from quantum_scheduler.expressions.parse import parse_expression
from quantum_scheduler.monitoring.detect import Rule, Signal, read_signal, watch_signal, write_signal
from quantum_scheduler.monitoring.hold import parse_hold

INTERVAL_S = 15.0
RULE = Rule(
    runbook="outage",
    title="down",
    when=parse_expression('health == "down"', 1),
    hold=parse_hold("4 of 5"),
    severity="P1",
    clears_when=parse_expression('health == "up"', 1),
    clears_hold=parse_hold("2m"),
)


def watch(samples: list[Value], rule: Rule = RULE, *, interval_s: float = INTERVAL_S) -> list[tuple[str, float]]:
    """Watch samples of the condition to raise, the condition to clear being its opposite."""
    signal = Signal()
    events: list[tuple[str, float]] = []
    for number, sample in enumerate(samples):
        now_s = number * interval_s
        clears = sample if sample is UNKNOWN else not sample
        signal, change = watch_signal(rule, signal, when=sample, clears_when=clears, now_s=now_s)
        events += [(change, now_s)] if change is not None else []
    return events


def test_every_outage_of_a_noisy_month_raises_one_alert_and_noise_none() -> None:
    chance = random.Random(0)
    ticks, outages, length = 30 * 86_400 // 15, 120, 80
    starts = [number * (ticks // outages) + chance.randrange(200, 1_000) for number in range(outages)]
    is_down = bytearray(ticks)
    for start in starts:
        is_down[start : start + length] = b"\x01" * length
    samples: list[Value] = [chance.random() >= 0.18 if down else chance.random() < 0.01 for down in is_down]
    raised = [int(at_s / INTERVAL_S) for change, at_s in watch(samples) if change == "raised"]
    assert len(raised) == outages
    delays = [(at - start) * INTERVAL_S for at, start in zip(raised, starts, strict=True)]
    assert min(delays) >= 0
    assert median(delays) <= 60.0
    assert quantiles(delays, n=20)[-1] <= 135.0


def test_an_unknown_sample_neither_raises_nor_clears_nor_interrupts() -> None:
    assert watch([True] * 3 + [UNKNOWN] * 50) == []
    assert watch([True, True, UNKNOWN, UNKNOWN, True, True]) == [("raised", 75.0)]
    down = [True] * 4
    assert watch([*down, *[UNKNOWN] * 500]) == [("raised", 45.0)]
    assert watch([*down, *[False] * 5, UNKNOWN, *[False] * 4]) == [("raised", 45.0), ("cleared", 180.0)]


def test_samples_from_before_a_long_gap_do_not_count() -> None:
    assert watch([True] * 3 + [UNKNOWN] * 100 + [True] * 3) == []


def test_a_duration_starts_again_at_every_sample_against_it() -> None:
    rule = replace(RULE, hold=parse_hold("1m"))
    assert watch([True] * 4 + [False] + [True] * 4, rule) == []
    assert watch([True] * 5, rule) == [("raised", 60.0)]


def test_a_signal_that_is_still_true_does_not_clear_by_another_condition() -> None:
    signal = Signal(is_raised=True)
    for number in range(100):
        signal, change = watch_signal(RULE, signal, when=True, clears_when=True, now_s=number * INTERVAL_S)
        assert change is None


def test_a_signal_that_changes_too_often_is_flapping_and_stays_raised_until_it_is_quiet() -> None:
    rule = replace(RULE, hold=parse_hold("1 of 1"), clears_hold=parse_hold("1 of 1"))
    events = watch([True, False] * 60, rule)
    assert [change for change, _ in events] == [*["raised", "cleared"] * 3, "raised"]
    events = watch([True, False] * 60 + [False] * 300, rule)
    assert events[-1][0] == "cleared"


def test_the_first_sample_of_what_raised_it_is_remembered() -> None:
    signal = Signal()
    for number, sample in enumerate([False, True, True, False, True, True]):
        signal, _ = watch_signal(RULE, signal, when=sample, clears_when=not sample, now_s=number * INTERVAL_S)
    assert signal.is_raised
    assert signal.first_true_s == 15.0


def test_a_state_is_read_as_it_was_written() -> None:
    signal = Signal()
    for number, sample in enumerate([False, True, True, True, True, False, False]):
        signal, _ = watch_signal(RULE, signal, when=sample, clears_when=not sample, now_s=number * INTERVAL_S)
        assert read_signal(json.loads(json.dumps(write_signal(signal)))) == signal
