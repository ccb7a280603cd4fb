"""Write the dashboard of Grafana: a row for each room, and a panel for each metric, one for that of all backends."""

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from quantum_scheduler.monitoring.metric import Metric, Table
from quantum_scheduler.monitoring.prometheus.names import name_recorded

UID = "quantum-scheduler"
SOURCE = {"type": "prometheus", "uid": "${source}"}
WIDTH, HEIGHT, COLUMNS = 8, 7, 3
UNITS = {"seconds": "s", "share": "percentunit", "bytes": "bytes", "MB": "decmbytes", "USD": "currencyUSD"}


def write_dashboard(table: Table) -> dict[str, Any]:
    """Write the dashboard, for Grafana 9 and later; the Prometheus that it asks is a variable of it."""
    panels: list[dict[str, Any]] = []
    top = 0
    for title, drawn in _list_rows(table):
        panels.append(_row(len(panels) + 1, title, top))
        for number, (name, targets, metric) in enumerate(drawn):
            at = {"x": number % COLUMNS * WIDTH, "y": top + 1 + number // COLUMNS * HEIGHT, "w": WIDTH, "h": HEIGHT}
            panels.append(_panel(len(panels) + 1, name, targets, metric, at))
        top += 1 + -(-len(drawn) // COLUMNS) * HEIGHT
    return {
        "uid": UID,
        "title": "quantum-scheduler",
        "tags": ["quantum-scheduler"],
        "schemaVersion": 38,
        "version": 1,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "utc",
        "templating": {
            "list": [{"name": "source", "type": "datasource", "query": "prometheus", "label": "Prometheus", "hide": 0}]
        },
        "annotations": {"list": [_annotate()]},
        "panels": panels,
    }


def list_expressions(dashboard: dict[str, Any]) -> Iterator[str]:
    """Go through what the panels of a dashboard ask."""
    for panel in dashboard["panels"]:
        yield from (target["expr"] for target in panel.get("targets", ()))


Drawn = tuple[str, list[tuple[str, str]], Metric]


def _list_rows(table: Table) -> Iterator[tuple[str, list[Drawn]]]:
    """The rooms in the order of the table, and last what all backends tell."""
    whole = [each for each in table.sampled if not each.labels]
    for room, metrics in groupby(whole, key=lambda each: each.name.partition(".")[0]):
        yield room, [(each.name, [_target(each, each.name)], each) for each in metrics]
    kinds: dict[str, list[Metric]] = {}
    for each in table.sampled:
        if each.labels:
            kinds.setdefault(each.name.partition(".")[2], []).append(each)
    drawn = [
        (kind, [_target(each, each.labels["backend"]) for each in metrics], metrics[0])
        for kind, metrics in kinds.items()
    ]
    if drawn:
        yield "backends", drawn


def _target(metric: Metric, legend: str) -> tuple[str, str]:
    recorded = name_recorded(metric.name)
    if metric.kind == "state":
        return f"{recorded} == 1", f"{legend} {{{{state}}}}"
    return (f"rate({recorded}[5m])" if metric.kind == "counter" else recorded), legend


def _row(number: int, title: str, top: int) -> dict[str, Any]:
    grid = {"x": 0, "y": top, "w": WIDTH * COLUMNS, "h": 1}
    return {"id": number, "type": "row", "title": title, "gridPos": grid, "collapsed": False, "panels": []}


def _panel(
    number: int, name: str, targets: list[tuple[str, str]], metric: Metric, grid: dict[str, int]
) -> dict[str, Any]:
    return {
        "id": number,
        "type": "timeseries",
        "title": name,
        "description": metric.meaning,
        "datasource": SOURCE,
        "gridPos": grid,
        "fieldConfig": {"defaults": {"unit": UNITS.get(metric.unit, "short"), "min": 0}, "overrides": []},
        "options": {"legend": {"showLegend": len(targets) > 1}, "tooltip": {"mode": "multi"}},
        "targets": [
            {"refId": f"q{place}", "expr": expr, "legendFormat": legend, "datasource": SOURCE}
            for place, (expr, legend) in enumerate(targets)
        ],
    }


def _annotate() -> dict[str, Any]:
    """Show when alerts fired."""
    return {
        "name": "Alerts",
        "enable": True,
        "iconColor": "red",
        "datasource": SOURCE,
        "expr": 'ALERTS{alertstate="firing", runbook!=""}',
        "titleFormat": "{{alertname}}",
        "textFormat": "{{severity}} {{runbook}}",
    }
