"""The real Prometheus scrapes the service and evaluates what was exported; the real Alertmanager brings it back."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from tests.debian import needs, run_alertmanager, run_prometheus, wait_for

from quantum_scheduler.expressions.parse import parse_expression
from quantum_scheduler.monitoring.collect import Collection, collect_always
from quantum_scheduler.monitoring.detect import Rule
from quantum_scheduler.monitoring.hold import parse_hold
from quantum_scheduler.monitoring.prometheus.route import write_alertmanager, write_prometheus
from quantum_scheduler.monitoring.prometheus.rules import Alerting, write_rules
from quantum_scheduler.monitoring.table import build_table
from quantum_scheduler.postgres.connect import open_pool

INTERVAL_S = 1
JOB = {"problem": {"kind": "binary", "linear": [["x", -1]]}, "time_limit_s": 1}
RULE = Rule(
    runbook="delayed-jobs",
    title="Many jobs wait",
    when=parse_expression("qih.queue_depth > 2", 1),
    hold=parse_hold("2 of 3"),
    severity="P2",
    clears_when=parse_expression("qih.queue_depth < 1", 1),
    clears_hold=parse_hold("2s"),
)
SIGNAL = Alerting(
    rule=RULE,
    summary="Delayed jobs",
    labels={"runbook": RULE.runbook, "key": "queue", "service": "scheduling", "policy": "infrastructure"},
)


@contextmanager
def sampled(dsn: str) -> Iterator[None]:
    """Take samples of all metrics as the watch does, in a thread."""
    stop, started = asyncio.Event(), threading.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def collect() -> None:
        loops.append(asyncio.get_running_loop())
        started.set()
        pool = await open_pool(dsn)
        collection = Collection(table=build_table(), interval_s=INTERVAL_S)
        collecting = asyncio.create_task(collect_always(collection, pool, lambda: datetime.now(UTC)))
        try:
            await stop.wait()
        finally:
            collecting.cancel()
            await asyncio.gather(collecting, return_exceptions=True)
            pool.terminate()

    thread = threading.Thread(target=lambda: asyncio.run(collect()), name="samples")
    thread.start()
    assert started.wait(60)
    try:
        yield
    finally:
        loops[0].call_soon_threadsafe(stop.set)
        thread.join(60)
    assert not thread.is_alive()


@needs("prometheus", "prometheus")
@needs("prometheus-alertmanager", "prometheus-alertmanager")
def test_a_signal_that_prometheus_sees_becomes_an_incident_and_ends_it(
    idle: Callable[..., AbstractContextManager[Any]], tmp_path: Path
) -> None:
    rules, _ = write_rules(build_table(), [SIGNAL], interval_s=INTERVAL_S)
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(rules))
    with (
        idle() as service,
        sampled(service.dsn),
        service.customer() as customer,
        service.customer(service.make_operator_key()) as operator,
    ):
        jobs = [customer.post("/v1/jobs", json=JOB).raise_for_status().json()["id"] for _ in range(3)]
        (tmp_path / "key").write_text(service.make_sender_key())
        route = write_alertmanager(public_url=service.url, key_file=str(tmp_path / "key"))
        route["route"] |= {"group_wait": "0s", "group_interval": "1s"}

        def find(state: str) -> dict[str, Any] | None:
            found = operator.get("/v1/incidents").json()["items"]
            return next((each for each in found if each["state"] == state), None)

        with run_alertmanager(yaml.safe_dump(route), tmp_path) as alertmanager:
            scraping = write_prometheus(
                public_url=service.url,
                rules_file=str(tmp_path / "rules.yml"),
                interval_s=INTERVAL_S,
                alertmanager=alertmanager.base_url.netloc.decode(),
            )
            with run_prometheus(yaml.safe_dump(scraping), tmp_path):
                incident = wait_for(lambda: find("open"), timeout_s=120)
                assert (incident["title"], incident["severity"], incident["key"]) == ("Delayed jobs", "P2", "queue")
                assert (incident["service"], incident["policy"]) == ("scheduling", "infrastructure")
                for job in jobs:
                    customer.delete(f"/v1/jobs/{job}").raise_for_status()
                assert wait_for(lambda: find("resolved"), timeout_s=120)["id"] == incident["id"]
