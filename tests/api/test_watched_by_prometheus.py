"""The real Prometheus scrapes and evaluates what was exported, and the real Alertmanager brings it here."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import yaml
from tests.debian import needs, run_alertmanager, run_prometheus, wait_for

from quantum_scheduler.expressions.parse import parse_expression
from quantum_scheduler.monitoring.detect import Rule
from quantum_scheduler.monitoring.hold import parse_hold
from quantum_scheduler.monitoring.prometheus.route import write_alertmanager, write_prometheus
from quantum_scheduler.monitoring.prometheus.rules import Alerting, write_rules
from quantum_scheduler.monitoring.table import build_table
from quantum_scheduler.testing.loopback import LoopbackHttp, Reply, Request

INTERVAL_S = 1
RULE = Rule(
    runbook="delayed-jobs",
    title="Many jobs wait",
    when=parse_expression("qih.queue_depth > 100", 1),
    hold=parse_hold("2 of 3"),
    severity="P2",
    clears_when=parse_expression("qih.queue_depth < 50", 1),
    clears_hold=parse_hold("2s"),
)
SIGNAL = Alerting(
    rule=RULE,
    summary="Delayed jobs",
    labels={"runbook": RULE.runbook, "key": "queue", "service": "scheduling", "policy": "infrastructure"},
)


@contextmanager
def serve(answer: Callable[[Request], Reply]) -> Iterator[LoopbackHttp]:
    server = LoopbackHttp(answer, name="tests.scraped")
    server.start()
    try:
        yield server
    finally:
        server.stop()


@needs("prometheus", "prometheus")
@needs("prometheus-alertmanager", "prometheus-alertmanager")
def test_a_signal_that_prometheus_sees_becomes_an_incident_and_ends_it(
    idle: Callable[..., AbstractContextManager[Any]], tmp_path: Path
) -> None:
    depth = [500]
    rules, _ = write_rules(build_table(), [SIGNAL], interval_s=INTERVAL_S)
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(rules))
    with (
        serve(lambda request: _expose(depth[0], request)) as scraped,
        idle() as service,
        service.customer(service.make_operator_key()) as operator,
    ):
        (tmp_path / "key").write_text(service.make_sender_key())
        route = write_alertmanager(public_url=service.url, key_file=str(tmp_path / "key"))
        route["route"] |= {"group_wait": "0s", "group_interval": "1s"}

        def find(state: str) -> dict[str, Any] | None:
            found = operator.get("/v1/incidents").json()["items"]
            return next((each for each in found if each["state"] == state), None)

        with run_alertmanager(yaml.safe_dump(route), tmp_path) as alertmanager:
            scraping = write_prometheus(
                public_url=scraped.url,
                rules_file=str(tmp_path / "rules.yml"),
                interval_s=INTERVAL_S,
                alertmanager=alertmanager.base_url.netloc.decode(),
            )
            with run_prometheus(yaml.safe_dump(scraping), tmp_path):
                incident = wait_for(lambda: find("open"), timeout_s=120)
                assert (incident["title"], incident["severity"], incident["key"]) == ("Delayed jobs", "P2", "queue")
                assert (incident["service"], incident["policy"]) == ("scheduling", "infrastructure")
                depth[0] = 5
                assert wait_for(lambda: find("resolved"), timeout_s=120)["id"] == incident["id"]


def _expose(depth: int, request: Request) -> Reply:
    assert request.path == "/metrics"
    return Reply(body=f"qih_queue_depth {depth}\n".encode(), headers={"Content-Type": "text/plain; version=0.0.4"})
