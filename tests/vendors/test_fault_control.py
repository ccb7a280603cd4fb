"""Faults are ordered over HTTP while the stand-ins run, and end by themselves."""

import socket
import time
from collections.abc import Iterator

import httpx2
import pytest

from quantum_scheduler.testing.control import FaultControl
from quantum_scheduler.testing.faults import FAULTS, FaultSwitch
from quantum_scheduler.testing.port import VendorServer
from quantum_scheduler.testing.vendors import Vendors, VendorUnavailable

PATIENCE_S = 30.0


@pytest.fixture
def control(servers: dict[str, VendorServer]) -> Iterator[str]:
    control = FaultControl(servers)
    control.start()
    yield control.url
    control.stop()
    control.stop()
    for server in servers.values():
        server.switch.set("none")


def test_a_fault_is_set_told_and_ended(control: str, servers: dict[str, VendorServer]) -> None:
    told = httpx2.put(f"{control}/vendors/dwave/fault", json={"fault": "stuck"})
    assert (told.status_code, told.json()["fault"]) == (200, "stuck")
    assert servers["dwave"].switch.fault() == "stuck"
    state = httpx2.get(control).json()
    assert {each["name"]: each["fault"] for each in state["vendors"]} == {"dwave": "stuck", "dynex": "none"}
    assert "no quantum hardware" in state["notice"]
    httpx2.put(f"{control}/vendors/dwave/fault", json={"fault": "none"})
    assert servers["dwave"].switch.fault() == "none"


def test_whoever_renews_a_fault_is_told_how_long_it_still_holds(control: str) -> None:
    for _ in range(2):
        told = httpx2.put(f"{control}/vendors/dwave/fault", json={"fault": "offline", "expires_s": 3_600}).json()
        assert 0 < told["expires_s"] <= 3_600
    endless = httpx2.put(f"{control}/vendors/dwave/fault", json={"fault": "offline"}).json()
    assert endless["expires_s"] is None


def test_a_fault_ends_by_itself(control: str, servers: dict[str, VendorServer]) -> None:
    httpx2.put(f"{control}/vendors/dynex/fault", json={"fault": "auth", "expires_s": 0.05})
    give_up_s = time.monotonic() + PATIENCE_S
    while servers["dynex"].switch.fault() != "none":
        assert time.monotonic() < give_up_s
        time.sleep(0.01)


def test_a_fault_holds_until_its_time_and_not_longer() -> None:
    now_s = 100.0
    switch = FaultSwitch(clock=lambda: now_s)
    switch.set("quota", expires_s=60)
    now_s = 159.9
    assert switch.fault() == "quota"
    now_s = 160.0
    assert switch.fault() == "none"


@pytest.mark.parametrize(
    ("path", "order", "status", "why"),
    [
        ("/vendors/dwave/fault", {"fault": "tired"}, 422, "one of none"),
        ("/vendors/dwave/fault", [], 422, "one of none"),
        ("/vendors/dwave/fault", {"fault": "auth", "expires_s": 0}, 422, "expires_s"),
        ("/vendors/dwave/fault", {"fault": "auth", "expires_s": "soon"}, 422, "expires_s"),
        ("/vendors/acme/fault", {"fault": "auth"}, 404, "dwave, dynex"),
        ("/elsewhere", {"fault": "auth"}, 404, "PUT /vendors/NAME/fault"),
    ],
)
def test_an_order_that_makes_no_sense_is_refused(control: str, path: str, order: object, status: int, why: str) -> None:
    told = httpx2.put(f"{control}{path}", json=order)
    assert told.status_code == status
    assert why in told.json()["error"]


def test_every_fault_can_be_ordered(control: str) -> None:
    for fault in FAULTS:
        assert httpx2.put(f"{control}/vendors/dynex/fault", json={"fault": fault}).status_code == 200


def test_stand_ins_start_together_with_the_faults_ordered_and_stop_together() -> None:
    with Vendors(only=("dwave",), faults={"dwave": "quota"}) as vendors:
        environment = vendors.environment()
        told = httpx2.get(environment["QUANTUM_SCHEDULER_VENDORS_URL"]).json()
        assert [(each["name"], each["fault"]) for each in told["vendors"]] == [("dwave", "quota")]
        assert vendors.describe()["missing"] == []
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(environment["QUANTUM_SCHEDULER_VENDORS_URL"])


def test_ports_that_are_taken_are_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        vendors = Vendors(only=("dwave",), port_base=taken.getsockname()[1])
        with pytest.raises(VendorUnavailable, match="cannot listen"), vendors:
            pass
