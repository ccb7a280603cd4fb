"""The metrics over HTTP: Prometheus reads them from here, and operators as JSON."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from prometheus_client.core import Metric as Family
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from tests.api.conftest import Service

from quantum_scheduler.accounts.limits.meter import RequestMeter
from quantum_scheduler.monitoring.collect import collect
from quantum_scheduler.monitoring.history import History
from quantum_scheduler.monitoring.table import build_table
from quantum_scheduler.postgres.connect import open_pool

OPEN_METRICS = {"accept": "application/openmetrics-text; version=1.0.0; charset=utf-8"}


# The parser has no types.
read_families: Callable[[str], Iterator[Family]] = text_string_to_metric_families


async def sample(dsn: str) -> None:
    """Have a request counted as another process of the API would, and take a sample as the watch would."""
    pool, table = await open_pool(dsn), build_table()
    try:
        meter = RequestMeter(pool)
        meter.record("/v1/of-this-test", 200, ms=40, request_id="an-example")
        await meter.flush()
        await collect(pool, table, History(table), None, now=datetime.now(UTC))
    finally:
        pool.terminate()


def test_prometheus_reads_the_last_sample_and_histograms_with_examples(service: Service) -> None:
    asyncio.run(sample(service.dsn))
    with service.customer("no-key-at-all") as prometheus:
        answer = prometheus.get("/metrics", headers=OPEN_METRICS)
        plain = prometheus.get("/metrics")
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert plain.headers["content-type"].startswith("text/plain")
    families = {family.name: family for family in read_families(answer.text)}
    assert [each.value for each in families["qih_queue_depth"].samples] == [0]
    (closed,) = [each for each in families["dynex_breaker"].samples if each.labels["state"] == "closed"]
    assert (closed.value, closed.labels["backend"]) == (1, "dynex")
    assert "dynex_success_rate" not in families  # nothing is known of it
    buckets = [
        each
        for each in families["api_response_seconds"].samples
        if each.labels.get("route") == "/v1/of-this-test" and each.exemplar is not None
    ]
    assert [each.exemplar.labels["request_id"] for each in buckets if each.exemplar] == ["an-example"]


def test_nobody_scrapes_on_behalf_of_another_machine_without_the_token(service: Service) -> None:
    with service.customer("no-key-at-all") as proxied:
        assert proxied.get("/metrics", headers={"x-forwarded-for": "203.0.113.9"}).status_code == 401


def test_operators_read_metrics_and_what_they_were(service: Service) -> None:
    asyncio.run(sample(service.dsn))
    with service.customer(service.make_operator_key()) as operator, service.customer() as customer:
        listed = {each["name"]: each for each in operator.get("/v1/metrics").json()["items"]}
        assert listed["qih.queue_depth"]["value"] == 0
        assert listed["dynex.success_rate"]["value"] is None
        series = operator.get("/v1/metrics/dynex.breaker", params={"since": "10m"}).json()
        assert {each["state"] for each in series["points"]} == {"closed"}
        assert operator.get("/v1/metrics/no.such").status_code == 404
        assert operator.get("/v1/metrics/qih.queue_depth", params={"since": "soon"}).status_code == 400
        assert operator.get("/v1/metrics/qih.queue_depth", params={"since": "31d", "step": "5s"}).status_code == 400
        assert customer.get("/v1/metrics").status_code == 403
