"""Subscriptions over HTTP: by mail for anybody, by webhook for operators, ended with one click."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from uuid import uuid4

import httpx2

from quantum_scheduler.postgres.connect import connect

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


async def read_rows(dsn: str, statement: str) -> list[dict[str, Any]]:
    conn = await connect(dsn)
    try:
        return [dict(row) for row in await conn.fetch(statement)]
    finally:
        await conn.close()


async def test_anybody_subscribes_by_mail_and_leaves_with_one_click(
    idle: Callable[..., AbstractContextManager[Any]],
) -> None:
    with idle() as service, httpx2.Client(base_url=service.url, trust_env=False) as anybody:
        for _ in range(2):
            assert anybody.post("/v1/status/subscriptions", json={"email": "ann@example.com"}).status_code == 202
        assert anybody.post("/v1/status/subscriptions", json={"email": "no address"}).status_code == 422
        (posted,) = await read_rows(service.dsn, "SELECT channel, address, message FROM notification")
        assert (posted["channel"], posted["address"]) == ("email", "ann@example.com")
        path = "/status/subscriptions/" + posted["message"]["url"].rpartition("/")[2]
        # Looking does nothing.
        page = anybody.get(path)
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert (await read_rows(service.dsn, "SELECT confirmed_at FROM status_subscriber"))[0]["confirmed_at"] is None
        assert anybody.post(f"{path}/confirm", headers=FORM).status_code == 200
        assert (await read_rows(service.dsn, "SELECT confirmed_at FROM status_subscriber"))[0]["confirmed_at"]
        assert anybody.get(f"{path}/unsubscribe").status_code == 200
        one_click = anybody.post(f"{path}/unsubscribe", content=b"List-Unsubscribe=One-Click", headers=FORM)
        assert one_click.status_code == 200
        assert await read_rows(service.dsn, "SELECT id FROM status_subscriber") == []
        assert anybody.post(f"{path}/confirm", headers=FORM).status_code == 404
        assert anybody.get("/history.atom").headers["content-type"].startswith("application/atom+xml")


def test_webhooks_are_subscribed_by_operators_and_have_a_secret_each(service: Any, customer: httpx2.Client) -> None:
    url = f"https://example.com/{uuid4().hex}"
    with service.customer(service.make_operator_key()) as operator:
        secrets = [operator.post("/v1/status/webhooks", json={"url": each}) for each in (url, url, f"{url}/other")]
        assert [answer.status_code for answer in secrets] == [201, 201, 201]
        first, again, other = (answer.json()["secret"] for answer in secrets)
        assert first == again != other
        assert operator.post("/v1/status/webhooks", json={"url": "ftp://example.com"}).status_code == 422
    assert customer.post("/v1/status/webhooks", json={"url": url}).status_code == 403
