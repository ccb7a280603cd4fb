"""Run the vendors' stand-ins beside a service, in a process of their own: their SDKs are large."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from quantum_scheduler.testing.vendors import VendorUnavailable

# Of a machine that does much else: four SDKs are imported.
START_TIMEOUT_S = 180.0
STOP_TIMEOUT_S = 10.0


@contextmanager
def start_vendors(environ: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Start the stand-ins and lend what they say of themselves, `environment` among it. Raises VendorUnavailable."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "quantum_scheduler", "vendors", "up", "--json", "--parent", str(os.getpid())],
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for the service, which then stops them in good order
    )
    try:
        yield _wait_until_ready(process)
    finally:
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _wait_until_ready(process: "subprocess.Popen[bytes]") -> dict[str, Any]:
    give_up = threading.Timer(START_TIMEOUT_S, process.kill)
    give_up.start()
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
    finally:
        give_up.cancel()
    if not line:
        raise VendorUnavailable("the vendors' stand-ins did not start")
    told: dict[str, Any] = json.loads(line)
    return told
