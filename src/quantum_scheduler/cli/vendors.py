"""`vendors`: stand-ins for the vendors' clouds on this machine, and the faults that they have."""

import os
import re
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import httpx2
from cyclopts import App, Parameter, Token
from cyclopts.validators import Number

from quantum_scheduler.cli.backends import tabulate
from quantum_scheduler.cli.options import Json
from quantum_scheduler.cli.parent import Parent, stop_with
from quantum_scheduler.cli.write import open_consoles, write_file, write_json
from quantum_scheduler.settings import read_settings
from quantum_scheduler.testing.faults import Fault
from quantum_scheduler.testing.vendors import CONTROL_VARIABLE, Vendors

app = App(name="vendors", help="Run stand-ins for the vendors' clouds on this machine.", help_epilogue="")

VendorName = Literal["dwave", "ibm", "braket", "dynex"]
FaultOption = Annotated[Fault, Parameter(help="Fault to begin with.")]
PORT_BASE_MAX = 65_530
TIMEOUT_S = 10.0
# Where `up` leaves the environment, in the data folder, for commands that were not started by it.
ENVIRONMENT_FILE = "vendors.env"
UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


def _read_duration(_kind: object, tokens: Sequence[Token]) -> float:
    """Read 60, 60s, 5m or 1h."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", tokens[0].value)
    if match is None:
        raise ValueError("A length of time is written as 60s, 5m or 1h")
    return float(match[1]) * UNITS[match[2]]


class VendorsUnreachable(Exception):  # noqa: N818  an error is named for what happened
    """No stand-ins run where they were looked for, or they refused what was asked."""


@app.command
def up(
    *,
    only: Annotated[list[VendorName] | None, Parameter(negative=(), help="Only this vendor; may be repeated.")] = None,
    dwave_fault: FaultOption = "none",
    ibm_fault: FaultOption = "none",
    braket_fault: FaultOption = "none",
    dynex_fault: FaultOption = "none",
    port_base: Annotated[
        int,
        Parameter(help="First of five ports; 0 takes free ones.", validator=Number(gte=0, lte=PORT_BASE_MAX)),
    ] = 0,
    parent: Parent = None,
    json: Json = False,
) -> int:
    """Start the stand-ins and print the environment that points at them; Ctrl-C stops them.

    They are no quantum computers: each speaks its vendor's protocol and solves what it is sent on this machine.
    """
    stop_with(parent)
    faults = {"dwave": dwave_fault, "ibm": ibm_fault, "braket": braket_fault, "dynex": dynex_fault}
    ordered: dict[str, Fault] = {name: fault for name, fault in faults.items() if fault != "none"}
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    file = _environment_file()
    with Vendors(only=only or (), faults=ordered, port_base=port_base) as vendors:
        environment = vendors.environment()
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_file(file, _write_lines(environment))
        try:
            _announce(vendors.describe(), environment, file, as_json=json)
            stop.wait()
        finally:
            file.unlink(missing_ok=True)
    return 0


@app.command
def fault(
    name: Annotated[VendorName, Parameter(help="Which vendor.")],
    fault: Annotated[Fault, Parameter(help="Which fault; none ends it.")],
    /,
    *,
    for_: Annotated[
        float | None,
        Parameter(
            name="--for", converter=_read_duration, help="For so long, such as 60s or 5m; else until told otherwise."
        ),
    ] = None,
    json: Json = False,
) -> int:
    """Give a running stand-in a fault, for a while or until told otherwise."""
    told = _ask("PUT", f"/vendors/{name}/fault", {"fault": fault, "expires_s": for_})
    if json:
        write_json(told)
    else:
        answers, _ = open_consoles()
        answers.print(f"{name}: {told['fault']}{'' if for_ is None else f' for {for_:g} s'}")
    return 0


@app.command
def status(*, json: Json = False) -> int:
    """Tell which stand-ins run, which faults they have and how many submissions they took."""
    told = _ask("GET", "/", None)
    if json:
        write_json(told)
        return 0
    answers, narration = open_consoles()
    answers.print(
        tabulate(
            [{key: each[key] for key in ("name", "fault", "expires_s", "submissions")} for each in told["vendors"]]
        )
    )
    narration.print(told["notice"])
    return 0


def _environment_file() -> Path:
    return read_settings(os.environ).data_dir / ENVIRONMENT_FILE


def _write_lines(environment: Mapping[str, str]) -> str:
    return "".join(f"export {name}='{value}'\n" for name, value in sorted(environment.items()))


def _announce(told: dict[str, Any], environment: Mapping[str, str], file: Path, *, as_json: bool) -> None:
    if as_json:
        write_json({**told, "environment": dict(environment), "environment_file": str(file), "pid": os.getpid()})
        return
    answers, narration = open_consoles()
    names = ", ".join(each["name"] for each in told["vendors"])
    narration.print(f"{names}: {told['notice']}", soft_wrap=True)
    for each in told["missing"]:
        narration.print(f"{each['name']} is left out: {each['why']}", soft_wrap=True)
    answers.print(_write_lines(environment), end="", soft_wrap=True)
    sys.stdout.flush()
    narration.print(f"the lines above are in {file}; Ctrl-C stops the stand-ins", soft_wrap=True)


def find_control() -> str:
    """Find running stand-ins by the environment, or by what `up` left in the data folder. Raises VendorsUnreachable."""
    url = os.environ.get(CONTROL_VARIABLE)
    if url:
        return url
    file = _environment_file()
    found = re.search(rf"^export {CONTROL_VARIABLE}='(.+)'$", file.read_text(), re.MULTILINE) if file.exists() else None
    if found is None:
        raise VendorsUnreachable("no stand-ins run here: start them with `quantum-scheduler vendors up`")
    return found[1]


def _ask(method: str, path: str, document: dict[str, Any] | None) -> dict[str, Any]:
    """Ask the control of the running stand-ins. Raises VendorsUnreachable."""
    url = find_control()
    try:
        response = httpx2.request(method, f"{url}{path}", json=document, timeout=TIMEOUT_S)
    except httpx2.HTTPError as error:
        raise VendorsUnreachable(f"no stand-ins answer at {url}") from error
    told: dict[str, Any] = response.json()
    if response.status_code != httpx2.codes.OK:
        raise VendorsUnreachable(str(told.get("error")))
    return told
