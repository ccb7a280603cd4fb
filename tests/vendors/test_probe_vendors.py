"""Probes tell how far one gets towards a vendor, and where it ends, without waiting for long."""

from typing import cast

import pytest

from quantum_scheduler.backends.credentials import use_credentials
from quantum_scheduler.backends.load import BackendUnknown
from quantum_scheduler.backends.model import Health
from quantum_scheduler.backends.reach import find_place, probe_dns, probe_tcp, probe_tls
from quantum_scheduler.postgres.connect import Pool
from quantum_scheduler.secrets.seal import find_no_keyring
from quantum_scheduler.solving.actions import set_priority
from quantum_scheduler.solving.call import Wire
from quantum_scheduler.solving.examine import examine_failures, probe_auth, probe_backends
from quantum_scheduler.testing.port import VendorServer

CLOSED = {"DYNEX_GRPC_ENDPOINT": "127.0.0.1:9"}


async def test_a_vendor_that_listens_is_reached(servers: dict[str, VendorServer]) -> None:
    with use_credentials(servers["dynex"].environment()):
        place = find_place("dynex")
        dns, tcp, tls = await probe_dns("dynex"), await probe_tcp("dynex"), await probe_tls("dynex")
    assert (dns.ok, tcp.ok, tls.ok, tls.is_plain, tls.days_left) == (True, True, True, True, None)
    assert place is not None
    assert (tcp.host, tcp.port, bool(dns.addresses)) == (place.host, place.port, True)


async def test_each_probe_says_where_the_way_ends() -> None:
    with use_credentials(CLOSED):
        assert [(await probe(vendor="dynex")).ok for probe in (probe_dns, probe_tcp, probe_tls)] == [True, False, False]
    with use_credentials({"DYNEX_GRPC_ENDPOINT": "https://no-such-host.invalid"}):
        dns = await probe_dns("dynex")
        assert (dns.ok, dns.host, bool(dns.message)) == (False, "no-such-host.invalid", True)
    with use_credentials({"DYNEX_GRPC_ENDPOINT": ""}):
        assert "do not say where dynex listens" in (await probe_tls("dynex")).message
    with pytest.raises(BackendUnknown):
        await probe_dns("classical")


async def test_what_shows_no_certificate_where_one_is_expected_is_refused(servers: dict[str, VendorServer]) -> None:
    with use_credentials(servers["dynex"].environment()):
        place = find_place("dynex")
    assert place is not None
    with use_credentials({"DYNEX_GRPC_ENDPOINT": f"https://{place.host}:{place.port}"}):
        tls = await probe_tls("dynex", timeout_s=30)
    assert (tls.ok, tls.is_plain, bool(tls.message)) == (False, False, True)


@pytest.mark.parametrize(
    ("vendor", "given", "host"),
    [
        (
            "ibm",
            {"IBM_INSTANCE": "crn:v1:bluemix:public:quantum:eu-de:a/b:c::"},
            "eu-de.quantum.cloud.ibm.com",
        ),
        ("ibm", {}, "quantum.cloud.ibm.com"),
        ("braket", {"AWS_REGION": "eu-west-2"}, "braket.eu-west-2.amazonaws.com"),
        ("dwave", {}, "na-west-1.cloud.dwavesys.com"),
    ],
)
def test_the_place_of_a_vendor_follows_from_the_settings(vendor: str, given: dict[str, str], host: str) -> None:
    with use_credentials(given):
        place = find_place(vendor)
    assert place is not None
    assert (place.host, place.port, place.is_plain) == (host, 443, False)


class Answering:
    """The way to the vendors where each call's answer is known."""

    def __init__(self, health: Health) -> None:
        self.health = health

    async def check(self, backend: str, credentials: object) -> Health:
        return self.health


@pytest.mark.parametrize(
    ("health", "status", "ok"),
    [
        (Health(status="up", latency_ms=5.0), 200, True),
        (Health(status="down", error="auth", message="no"), 401, False),
        (Health(status="down", error="offline"), 503, True),
        (Health(status="down", error="timeout"), 504, False),
    ],
)
async def test_what_a_vendor_says_to_our_key_is_told_as_http_would(
    pool: Pool, health: Health, status: int, ok: bool
) -> None:
    async with pool.acquire() as conn:
        told = await probe_auth(conn, cast("Wire", Answering(health)), find_no_keyring, "dynex")
    assert (told.status, told.ok, told.error) == (status, ok, health.error or "")


async def test_failures_of_attempts_are_grouped_by_backend_and_kind(pool: Pool) -> None:
    insert = """
    INSERT INTO quantum_attempt (job_id, asked, backend, state, decision, error, ended_at)
    SELECT id, 'quantum', $1, $2, '{}', $3, now() FROM job
    """
    job = """
    WITH customer AS (INSERT INTO organisation (name) VALUES ('a customer') RETURNING id)
    INSERT INTO job
        (org_id, name, priority, backend, lane, problem, summary, fingerprint, time_limit_s, seed, use_cache)
    SELECT id, '', 1, 'quantum', 'solve.quantum', '', '{}', '', 1, 0, false FROM customer
    """
    async with pool.acquire() as conn:
        await conn.execute(job)
        for backend, state, error in (
            ("dynex", "failed", {"kind": "auth", "message": "no"}),
            ("dynex", "failed", {"kind": "auth", "message": "no"}),
            ("ibm", "doubtful", None),
            ("ibm", "answered", None),
        ):
            await conn.execute(insert, backend, state, error)
        found = await examine_failures(conn)
        with pytest.raises(ValueError, match="a window has"):
            await examine_failures(conn, window_s=0)
    assert (found.attempts, found.failed, found.share, found.backends) == (4, 3, 0.75, 2)
    assert (found.top_backend, found.top_kind, found.top_share) == ("dynex", "auth", 2 / 3)
    assert [(each.kind, each.attempts, each.jobs) for each in found.patterns] == [("auth", 2, 1), ("doubtful", 1, 1)]


async def test_all_vendors_in_use_are_asked_and_those_that_are_not_are_left_alone(
    pool: Pool, servers: dict[str, VendorServer]
) -> None:
    wire = cast("Wire", Answering(Health(status="down", error="auth", message="no")))
    async with pool.acquire() as conn:
        nobody = await probe_backends(conn, wire, find_no_keyring)
        await set_priority(conn, ["dynex", "dwave", "simulator"], reason="a test")
        with use_credentials({**servers["dynex"].environment(), "DWAVE_API_ENDPOINT": "http://127.0.0.1:9"}):
            asked = await probe_backends(conn, wire, find_no_keyring)
        known = await conn.fetchval("SELECT count(*) FROM backend_health")
    assert (nobody.asked, nobody.all_refused, nobody.all_unreached) == (0, False, False)
    assert (asked.asked, asked.well, asked.all_refused, asked.all_unreached) == (2, 0, True, False)
    assert (asked.refused_names, asked.unreached_names) == (("dynex", "dwave"), ("dwave",))
    assert known == 0
