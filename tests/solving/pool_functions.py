"""Functions for children of the pool to run: good, slow and hostile ones."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from quantum_scheduler.problems.model import Issue, ProblemInvalid

Report = Callable[[bytes], None]


class TooOften(Exception):  # noqa: N818  an error is named for what happened
    kind = "rate_limit"


def echo(argument: bytes, report: Report) -> bytes:
    return argument


def pid(argument: bytes, report: Report) -> bytes:
    return str(os.getpid()).encode()


def count_up(argument: bytes, report: Report) -> bytes:
    for number in range(int(argument)):
        report(str(number).encode())
    return b"counted"


def report_then_wait(argument: bytes, report: Report) -> bytes:
    report(str(os.getpid()).encode())
    time.sleep(3600)
    return b""


def report_forever(argument: bytes, report: Report) -> bytes:
    while True:
        report(b"again")


def report_too_much(argument: bytes, report: Report) -> bytes:
    report(bytes(2**21))
    return b""


def report_late(argument: bytes, report: Report) -> bytes:
    threading.Timer(0.05, report, [b"late"]).start()
    return b""


def wait_a_little(argument: bytes, report: Report) -> bytes:
    report(b"began")
    time.sleep(0.2)
    return argument


def segfault(argument: bytes, report: Report) -> bytes:
    sys.stdout.write("about to read address zero\n")
    sys.stdout.flush()
    return ctypes.string_at(0)


def spin_in_c(argument: bytes, report: Report) -> bytes:
    """Hold the interpreter lock in native code for an hour, deaf to every signal that can be ignored."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    report(str(os.getpid()).encode())
    ctypes.PyDLL(None).usleep(3_600_000_000)
    return b""


def allocate(argument: bytes, report: Report) -> bytes:
    hoard = [bytearray(int(argument) * 2**20)]
    return str(len(hoard)).encode()


def allocate_in_c(argument: bytes, report: Report) -> bytes:
    """Take memory as native code does: without an exception when there is no more."""
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    while libc.malloc(2**20):
        pass
    os.abort()


def print_much(argument: bytes, report: Report) -> bytes:
    sys.stdout.write("noise " * 100_000)
    sys.stderr.write("noise " * 100_000)
    os.system("echo noise from a grandchild")
    report(b"heard")
    return argument


def fail_with_kind(argument: bytes, report: Report) -> bytes:
    raise TooOften("slow\ndown")


def fail_as_invalid(argument: bytes, report: Report) -> bytes:
    raise ProblemInvalid(Issue(field="tasks[0].duration", reason="is negative"))


def fail(argument: bytes, report: Report) -> bytes:
    raise KeyError("colour")


def exit_at_once(argument: bytes, report: Report) -> bytes:
    os._exit(7)


def exit_politely(argument: bytes, report: Report) -> bytes:
    sys.exit(7)


def return_text(argument: bytes, report: Report) -> bytes:
    return "text"  # type: ignore[return-value]  # The mistake under test.


def start_grandchildren(argument: bytes, report: Report) -> bytes:
    """Leave one forked and one started process behind, and wait."""
    forked = os.fork()
    if forked == 0:
        time.sleep(3600)
        os._exit(0)
    started = subprocess.Popen(["sleep", "3600"])
    report(f"{forked} {started.pid}".encode())
    time.sleep(3600)
    return b""


def fork_and_die(argument: bytes, report: Report) -> bytes:
    """Die at once while a fork, in a session of its own, lives on."""
    if os.fork() == 0:
        os.setsid()
        time.sleep(3600)
    os._exit(9)


def log_and_die(argument: bytes, report: Report) -> bytes:
    secret = "sesame-" + argument.decode()
    try:
        Path("/nowhere", str(len(secret))).stat()
    except OSError:
        structlog.get_logger().exception("it.stumbled")
    sys.stdout.flush()
    os._exit(8)


IMPORTED_BY = os.getpid()


def who(argument: bytes, report: Report) -> bytes:
    """Tell who imported this module, who forked or started this process, and who this is."""
    return f"{IMPORTED_BY} {os.getppid()} {os.getpid()}".encode()


def holds(argument: bytes, report: Report) -> bytes:
    """Tell whether a module has been imported here."""
    return b"yes" if argument.decode() in sys.modules else b"no"
