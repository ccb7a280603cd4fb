"""Write the rules of Prometheus: a recording for every metric, and an alert for every signal of the runbooks."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from quantum_scheduler.expressions.duration import write_duration
from quantum_scheduler.monitoring.detect import Rule
from quantum_scheduler.monitoring.hold import Hold
from quantum_scheduler.monitoring.metric import Metric, Table
from quantum_scheduler.monitoring.prometheus.names import name_alert, name_recorded, name_scraped
from quantum_scheduler.monitoring.prometheus.promql import Unwritable, write_condition


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerting:
    """A signal with the labels that its alert bears, and what it is called for people."""

    rule: Rule
    summary: str
    labels: Mapping[str, str]


def write_rules(table: Table, signals: Iterable[Alerting], *, interval_s: int) -> tuple[dict[str, Any], list[str]]:
    """Write a rule file, evaluated every `interval_s` as samples are taken; and why which signals are left out."""
    groups = [_group("quantum-scheduler metrics", interval_s, [_record(each) for each in table.sampled])]
    left_out: list[str] = []
    for each in signals:
        name = name_alert(each.rule.runbook, each.rule.title)
        try:
            groups.append(_group(name, interval_s, list(_watch(each, name, table, interval_s))))
        except Unwritable as error:
            left_out.append(f"{each.rule.runbook}, {each.rule.title}: {error}")
    return {"groups": groups}, left_out


def _group(name: str, interval_s: int, rules: list[dict[str, Any]]) -> dict[str, Any]:
    return {"name": name, "interval": f"{interval_s}s", "rules": rules}


def _record(metric: Metric) -> dict[str, Any]:
    """Every process of the API tells the same, so the largest value is the value."""
    by = " by (state)" if metric.kind == "state" else ""
    return {"record": name_recorded(metric.name), "expr": f"max{by} ({name_scraped(metric)})"}


def _watch(signal: Alerting, name: str, table: Table, interval_s: int) -> Iterator[dict[str, Any]]:
    """Write one signal, with its own condition to clear.

    What both conditions were is recorded, because a hold looks back at it. An alert that fires goes on until it has
    been seen clear for as long as that asks, counted since it fires; `ALERTS` is what it was at the last evaluation.
    """
    rule = signal.rule
    labels = {"alert": name}
    raising, clearing = (f'max(signal:{each}{{alert="{name}"}})' for each in ("raising", "clearing"))
    firing = f'max(ALERTS{{alertname="{name}",alertstate="firing"}})'
    seen = clearing if rule.clears_hold.duration_s is None else f"{clearing} * (1 - {raising})"
    yield {"record": "signal:raising", "expr": write_condition(rule.when, table), "labels": labels}
    yield {"record": "signal:clearing", "expr": write_condition(rule.clears_when, table), "labels": labels}
    yield {"record": "signal:cleared", "expr": f"{seen} and {firing}", "labels": labels}
    is_raised = f"{raising} == 1"
    if rule.hold.duration_s is None:
        is_raised += f" and {_count(name, 'raising', rule.hold, interval_s)}"
    is_cleared = f"{clearing} == 1 and {_count(name, 'cleared', rule.clears_hold, interval_s)}"
    held = {} if rule.hold.duration_s is None else {"for": write_duration(rule.hold.duration_s)}
    yield {
        "alert": name,
        "expr": f"({is_raised}) or ({firing} unless (({is_cleared}) unless {raising} == 1))",
        **held,
        "labels": {**signal.labels, "severity": rule.severity},
        "annotations": {"summary": signal.summary, "description": f"{rule.title}: {rule.when.text}"},
    }


def _count(name: str, what: str, hold: Hold, interval_s: int) -> str:
    """Write that a condition was seen often enough. A duration is seen by the samples at both its ends, too."""
    if hold.duration_s is None:
        assert hold.hits is not None
        assert hold.samples is not None
        hits, samples = hold.hits, hold.samples
    else:
        hits = samples = int(hold.duration_s // interval_s) + 1
    # A second less than so many intervals holds so many samples, whether or not both ends of a range belong to it.
    span = write_duration(samples * interval_s - 1) if samples * interval_s > 1 else "1s"
    return f'max(sum_over_time(signal:{what}{{alert="{name}"}}[{span}])) >= {hits}'
