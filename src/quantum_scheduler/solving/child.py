"""A child of the pool, run as `python -m quantum_scheduler.solving.child`: answers one call after another."""

import contextlib
import ctypes
import faulthandler
import importlib
import json
import os
import resource
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import structlog
from structlog.tracebacks import ExceptionDictTransformer

from quantum_scheduler.problems.model import ProblemInvalid
from quantum_scheduler.solving.frame import HEADER, PROGRESS_BYTES_MAX, FrameTooLarge, Kind, pack_frame, read_header

Function = Callable[[bytes, Callable[[bytes], None]], bytes]

MESSAGE_LENGTH_MAX = 1_000
TRACE_LENGTH_MAX = 8_000
PR_SET_PDEATHSIG = 1


def main(arguments: Sequence[str]) -> None:
    """Serve calls on the inherited socket until the pool closes it: SOCKET_FD PARENT_PID [MODULE...]."""
    channel_fd, parent_pid, *preload = arguments
    die_with(int(parent_pid))
    keep_secrets()
    with socket.socket(fileno=int(channel_fd)) as channel:
        channel.set_inheritable(False)
        for module in preload:
            importlib.import_module(module)
        serve_calls(channel)


def keep_secrets() -> None:
    """Leave no memory behind in a crash, and no local variables, which may be credentials, in what is printed."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    faulthandler.enable()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            structlog.processors.LogfmtRenderer(key_order=["level", "event"], bool_as_flag=False),
        ]
    )


def serve_calls(channel: socket.socket) -> None:
    """Say that this process is ready, and answer calls until the pool hangs up."""
    own_pid = os.getpid()

    def leave_the_pool() -> None:
        """Keep a fork of this child from holding its socket open or outliving it."""
        os.close(channel.detach())
        die_with(own_pid)

    os.register_at_fork(after_in_child=leave_the_pool)
    with channel.makefile("rb") as frames:
        channel.sendall(pack_frame(Kind.READY))
        while (call := _receive(frames)) is not None:
            argument = _receive(frames)
            if argument is None:
                return
            _answer(channel, json.loads(call), argument)


def die_with(parent_pid: int) -> None:
    """Have the kernel kill this process when its parent dies, however it dies."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:  # It died before the kernel was asked.
        os._exit(1)


def _receive(frames: BinaryIO) -> bytes | None:
    """Read one frame, or None where the pool has closed the socket."""
    header = frames.read(HEADER.size)
    if len(header) < HEADER.size:
        return None
    _, length = read_header(header)
    payload = frames.read(length)
    return payload if len(payload) == length else None


class _Reporter:
    """Sends what the running function reports, from any of its threads, and nothing once the call is over."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._lock = threading.Lock()
        self._over = False

    def report(self, payload: bytes) -> None:
        frame = pack_frame(Kind.PROGRESS, payload, bytes_max=PROGRESS_BYTES_MAX)
        with self._lock:
            if not self._over:
                self._channel.sendall(frame)

    def close(self) -> None:
        with self._lock:
            self._over = True


def _answer(channel: socket.socket, call: dict[str, str | int], argument: bytes) -> None:
    channel.sendall(pack_frame(Kind.BEGUN))
    reporter = _Reporter(channel)
    try:
        function = _find(str(call["function"]))
        with _memory_limited(int(call["memory_mb"]) * 2**20):
            result = function(argument, reporter.report)
        if not isinstance(result, bytes):
            raise TypeError(f"{call['function']} returned {type(result).__name__} instead of bytes")  # noqa: TRY301
        frame = pack_frame(Kind.RESULT, result)
    except MemoryError:
        frame = pack_frame(Kind.NO_MEMORY)
    except BaseException as error:  # Even a SystemExit is only this function's failure.
        frame = _describe(error)
    reporter.close()
    channel.sendall(frame)


def _find(name: str) -> Function:
    """Import `package.module:function`."""
    module, _, attribute = name.partition(":")
    function: Function = getattr(importlib.import_module(module), attribute)
    return function


@contextlib.contextmanager
def _memory_limited(memory_bytes: int) -> Iterator[None]:
    """Let the address space grow by at most `memory_bytes` over what is mapped now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    limit = pages * resource.getpagesize() + memory_bytes
    caps = [cap for cap in (soft, hard) if cap != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_AS, (min(limit, *caps) if caps else limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _describe(error: BaseException) -> bytes:
    """Write a failure's frame: whose fault it is, why in one line, and where for the operator."""
    text = " ".join(str(error).split())
    own_kind = getattr(error, "kind", None)
    if isinstance(own_kind, str):
        kind, message = own_kind, text
    elif isinstance(error, ProblemInvalid):
        kind, message = "invalid", text
    elif isinstance(error, FrameTooLarge):
        kind, message = "too_large", text
    else:
        kind, message = "error", f"{type(error).__name__}: {text}" if text else ""
    trace = "".join(traceback.format_exception(error))[-TRACE_LENGTH_MAX:]
    failure = {"kind": kind, "message": message[:MESSAGE_LENGTH_MAX] or type(error).__name__, "trace": trace}
    return pack_frame(Kind.FAILED, json.dumps(failure).encode())


if __name__ == "__main__":
    main(sys.argv[1:])
