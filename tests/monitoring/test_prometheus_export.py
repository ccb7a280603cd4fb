"""What is exported is what the real Prometheus and Alertmanager take, and raises and clears as our own detection."""

import json
import random
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.debian import needs

from quantum_scheduler.expressions.evaluate import Value
from quantum_scheduler.expressions.parse import parse_expression
from quantum_scheduler.monitoring.detect import Rule, Signal, watch_signal
from quantum_scheduler.monitoring.hold import parse_hold
from quantum_scheduler.monitoring.metric import Table
from quantum_scheduler.monitoring.prometheus.dashboard import UID, list_expressions, write_dashboard
from quantum_scheduler.monitoring.prometheus.names import name_alert
from quantum_scheduler.monitoring.prometheus.promql import Unwritable, write_condition
from quantum_scheduler.monitoring.prometheus.route import write_alertmanager, write_prometheus
from quantum_scheduler.monitoring.prometheus.rules import Alerting, write_rules
from quantum_scheduler.monitoring.table import build_table

INTERVAL_S = 15
TABLE = build_table(backends=("classical", "dynex"))
# What the noise is of; the others would only keep Prometheus busy.
NOISY = Table((TABLE["qih.queue_depth"], TABLE["qih.running"]))
LOW, BETWEEN, HIGH = 20, 70, 150  # of the queue's depth: clear, neither, and raised
PROMTOOL = needs("promtool", "prometheus")


def make_rule(hold: str, clears_hold: str) -> Rule:
    return Rule(
        runbook="delayed-jobs",
        title="Many jobs wait",
        when=parse_expression("qih.queue_depth > 100 and qih.running >= 0", 1),
        hold=parse_hold(hold),
        severity="P2",
        clears_when=parse_expression("qih.queue_depth < 50", 1),
        clears_hold=parse_hold(clears_hold),
    )


def make_noise(outages: int, *, seed: int) -> list[int]:
    """Outages of 20 minutes with 18 % good-looking samples, 1 % stray bad ones between them, and some in the middle."""
    chance = random.Random(seed)
    depths: list[int] = []
    for _ in range(outages):
        depths += [HIGH if chance.random() < 0.01 else LOW for _ in range(chance.randrange(120, 400))]
        depths += [LOW if chance.random() < 0.18 else HIGH for _ in range(80)]
        depths += [chance.choice((LOW, BETWEEN)) for _ in range(20)]
    return depths + [LOW] * 60


def watch(rule: Rule, depths: Sequence[int]) -> list[int]:
    """The samples at which our own detection changes its mind, the first of which raises."""
    signal, changes = Signal(), []
    for number, depth in enumerate(depths):
        when: Value = depth > 100
        clears: Value = depth < 50
        signal, change = watch_signal(rule, signal, when=when, clears_when=clears, now_s=number * INTERVAL_S)
        changes += [number] if change is not None else []
    return changes


def check_with_prometheus(folder: Path, rules: dict[str, Any], test: dict[str, Any]) -> None:
    tests = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": f"{INTERVAL_S}s",
        # Else in whatever order.
        "group_eval_order": [each["name"] for each in rules["groups"]],
        "tests": [{"interval": f"{INTERVAL_S}s", **test}],
    }
    (folder / "rules.yml").write_text(yaml.safe_dump(rules))
    (folder / "tests.yml").write_text(yaml.safe_dump(tests))
    command = ["promtool", "test", "rules", "tests.yml"]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=1_800, check=False)
    assert run.returncode == 0, (run.stdout + run.stderr)[-3_000:]


def compare(folder: Path, rule: Rule, depths: Sequence[int], changes: Sequence[int]) -> None:
    """Ask Prometheus right before and at each change whether it sees the same."""
    labels = {"runbook": rule.runbook, "key": "queue"}
    signal = Alerting(rule=rule, summary="Delayed jobs", labels=labels)
    rules, left_out = write_rules(NOISY, [signal], interval_s=INTERVAL_S)
    assert left_out == []
    (alert,) = (each for each in rules["groups"][-1]["rules"] if "alert" in each)
    firing = {"exp_labels": labels | {"severity": "P2"}, "exp_annotations": alert["annotations"]}
    moments = sorted({max(0, each + shift) for each in changes for shift in (-1, 0)})
    expected = [
        {
            "eval_time": f"{moment * INTERVAL_S}s",
            "alertname": name_alert(rule.runbook, rule.title),
            "exp_alerts": [firing] * (sum(change <= moment for change in changes) % 2),
        }
        for moment in moments
    ]
    series = [
        {"series": f'qih_queue_depth{{instance="{each}"}}', "values": " ".join(map(str, depths))} for each in "ab"
    ]
    series.append({"series": "qih_running", "values": f"1x{len(depths)}"})
    check_with_prometheus(folder, rules, {"input_series": series, "alert_rule_test": expected})


@PROMTOOL
@pytest.mark.parametrize(("hold", "clears_hold"), [("4 of 5", "2m"), ("1m30s", "8 of 10"), ("8 of 10", "5m")])
def test_prometheus_raises_and_clears_when_our_own_detection_does(tmp_path: Path, hold: str, clears_hold: str) -> None:
    rule, depths = make_rule(hold, clears_hold), make_noise(2, seed=7)
    changes = watch(rule, depths)
    assert len(changes) >= 4
    compare(tmp_path, rule, depths, changes)


@PROMTOOL
@pytest.mark.long
def test_prometheus_and_our_own_detection_agree_on_120_outages(tmp_path: Path) -> None:
    rule, depths = make_rule("4 of 5", "5m"), make_noise(120, seed=11)
    changes = watch(rule, depths)
    assert len(changes) == 240
    compare(tmp_path, rule, depths, changes)


@PROMTOOL
def test_states_and_everything_else_that_conditions_say_have_a_form(tmp_path: Path) -> None:
    series = [
        {"series": 'dynex_health_status{state="down"}', "values": "1"},
        {"series": 'dynex_health_status{state="up"}', "values": "0"},
        {"series": 'dynex_health_status{state="degraded"}', "values": "0"},
        {"series": "qih_queue_depth", "values": "150"},
        {"series": "qih_running", "values": "4"},
        {"series": "api_available", "values": "0"},
    ]
    truths = {
        'dynex.health_status == "down"': 1,
        'dynex.health_status != "down"': 0,
        'dynex.health_status in ["degraded", "down"]': 1,
        'dynex.health_status not in ("degraded", "down")': 0,
        "qih.queue_depth > 100 and qih.running < 5": 1,
        "qih.queue_depth < 100 or qih.running == 4": 1,
        "not qih.queue_depth > 100": 0,
        "0 < qih.running <= 4 < qih.queue_depth": 1,
        "qih.queue_depth / 2 - 1 >= qih.running * -1": 1,
        "api.available == False": 1,
        "api.available": 0,
    }
    rules, _ = write_rules(TABLE, [], interval_s=INTERVAL_S)
    written = [write_condition(parse_expression(text, 1), TABLE) for text in truths]
    conditions = [
        {"record": "truth", "labels": {"number": str(number)}, "expr": each} for number, each in enumerate(written)
    ]
    rules["groups"].append({"name": "truths", "interval": f"{INTERVAL_S}s", "rules": conditions})
    samples = [
        {"labels": f'truth{{number="{number}"}}', "value": value} for number, value in enumerate(truths.values())
    ]
    asked = [{"expr": "truth", "eval_time": "0s", "exp_samples": samples}]
    check_with_prometheus(tmp_path, rules, {"input_series": series, "promql_expr_test": asked})


@pytest.mark.parametrize(
    "text",
    [
        'api.error_rate(route="POST /v1/jobs") > 0.1',
        'dynex.health_status == "odd"',
        "no.such_metric > 1",
        "1 if 1 else 0",
    ],
)
def test_what_has_no_form_is_left_out_and_said(text: str) -> None:
    condition = parse_expression(text, 1)
    with pytest.raises(Unwritable):
        write_condition(condition, TABLE)
    hold = parse_hold("1m")
    rule = Rule(
        runbook="a-b", title="c", when=condition, hold=hold, severity="P2", clears_when=condition, clears_hold=hold
    )
    rules, left_out = write_rules(TABLE, [Alerting(rule=rule, summary="", labels={})], interval_s=5)
    assert len(rules["groups"]) == 1
    assert left_out[0].startswith("a-b, c: ")


@PROMTOOL
def test_every_panel_asks_what_prometheus_understands_for_a_metric_that_there_is(tmp_path: Path) -> None:
    dashboard = write_dashboard(TABLE)
    assert dashboard["uid"] == UID == "quantum-scheduler"
    recorded = {each["record"] for each in write_rules(TABLE, [], interval_s=5)[0]["groups"][0]["rules"]}
    asked = list(list_expressions(dashboard))
    assert {each.removeprefix("rate(").partition("[")[0].partition(" ")[0] for each in asked} == recorded
    places = [tuple(panel["gridPos"].values())[:2] for panel in dashboard["panels"]]
    assert len(set(places)) == len(places)
    rules = [{"record": f"panel:{number}", "expr": each} for number, each in enumerate(asked)]
    (tmp_path / "panels.yml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    subprocess.run(["promtool", "check", "rules", "panels.yml"], cwd=tmp_path, check=True, capture_output=True)


@PROMTOOL
@needs("amtool", "prometheus-alertmanager")
def test_prometheus_and_alertmanager_take_their_configuration(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(write_rules(TABLE, [], interval_s=5)[0]))
    public_url = "https://qs.example:8443/"
    scraping = write_prometheus(
        public_url=public_url, rules_file="rules.yml", interval_s=5, shown_file=str(tmp_path / "token")
    )
    assert scraping["scrape_configs"][0]["static_configs"] == [{"targets": ["qs.example:8443"]}]
    assert scraping["scrape_configs"][0]["authorization"] == {"credentials_file": str(tmp_path / "token")}
    (tmp_path / "token").write_text("secret")
    (tmp_path / "prometheus.yml").write_text(json.dumps(scraping))
    route = write_alertmanager(public_url=public_url, key_file=str(tmp_path / "key"))
    assert "https://qs.example:8443/api/alerts/alertmanager" in json.dumps(route)
    (tmp_path / "alertmanager.yml").write_text(json.dumps(route))
    for command in (["promtool", "check", "config", "prometheus.yml"], ["amtool", "check-config", "alertmanager.yml"]):
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
