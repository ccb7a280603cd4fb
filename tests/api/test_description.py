"""What the service says of itself: the OpenAPI document, the page, the health."""

import re
from html.parser import HTMLParser
from typing import Any

import httpx2

from quantum_scheduler import __version__
from quantum_scheduler.problems.publish import problem_schema


def test_every_operation_is_described_in_full(stranger: httpx2.Client) -> None:
    document = stranger.get("/v1/openapi.json").json()
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    ids = [operation["operationId"] for operation in operations]
    assert len(set(ids)) == len(ids)
    for operation in operations:
        assert operation["summary"]
        assert operation["description"]
        assert operation["tags"]
        assert {"500", "503"} <= operation["responses"].keys()
        for status, response in operation["responses"].items():
            assert "X-Request-Id" in response["headers"]
            assert (
                status < "400" or "application/problem+json" in response["content"] or operation["tags"] == ["Service"]
            )


def test_every_reference_of_the_document_leads_somewhere(stranger: httpx2.Client) -> None:
    response = stranger.get("/v1/openapi.json")
    document = response.json()
    for reference in set(re.findall(r'"\$ref":\s*"#/([^"]+)"', response.text)):
        target: Any = document
        for step in reference.split("/"):
            target = target[step]


def test_bodies_are_described_with_examples_that_the_service_takes(
    customer: httpx2.Client, stranger: httpx2.Client
) -> None:
    paths = stranger.get("/v1/openapi.json").json()["paths"]
    content = paths["/v1/jobs"]["post"]["requestBody"]["content"]["application/json"]
    assert content["schema"] == {"$ref": "#/components/schemas/JobRequest"}
    for example in content["examples"].values():
        assert customer.post("/v1/estimate", json=example["value"]).status_code == 200


def test_the_schema_of_problems_is_the_published_one(stranger: httpx2.Client) -> None:
    assert stranger.get("/v1/problem-schema").json() == problem_schema()


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: set[str] = set()
        self.targets: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        given = dict(attrs)
        self.ids |= {given["id"] or ""} if "id" in given else set()
        self.targets |= {str(given[name]) for name in ("href", "src") if name in given}
        assert "style" not in given


def test_the_page_needs_nothing_from_elsewhere_and_all_its_links_lead_somewhere(stranger: httpx2.Client) -> None:
    response = stranger.get("/docs")
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert "script" not in response.headers["content-security-policy"]
    page = _Links()
    page.feed(response.text)
    assert not {"script", "style", "iframe", "img"} & set(page.tags)
    outside = {target for target in page.targets if not target.startswith("#")}
    assert {target.removeprefix("#") for target in page.targets - outside} <= page.ids
    for target in outside:
        assert stranger.get(target).status_code == 200
    for operation in ("submitJob", "followJob", "getHealth"):
        assert operation in page.ids
    assert "curl -X POST" in response.text
    assert "/problems/job-unknown" in response.text


def test_health_tells_version_queue_and_workers_without_a_key(stranger: httpx2.Client) -> None:
    response = stranger.get("/v1/health")
    assert response.status_code == 200
    health = response.json()
    assert health["version"] == __version__
    assert (health["status"], health["database"], health["workers"]) == ("ok", "up", 1)
    assert health["queue"]["depth"] >= 0


def test_backends_say_what_they_take_and_how_they_are(customer: httpx2.Client) -> None:
    backends = {item["name"]: item for item in customer.get("/v1/backends").json()["items"]}
    assert backends["classical"]["problem_types"] == ["binary", "schedule"]
    assert not backends["classical"]["is_quantum"]
    assert backends["simulator"]["variables_max"] > 0
    health = {item["name"]: item["status"] for item in customer.get("/v1/backends/health").json()["items"]}
    assert health.keys() == backends.keys()
    assert health["classical"] == health["simulator"] == "up"
    assert {health[name] for name in backends.keys() - {"classical", "simulator"}} == {"down"}  # nobody has a key here
