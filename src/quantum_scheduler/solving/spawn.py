"""Start a child of the pool, speak frames with it, kill it with everything it started."""

import asyncio
import contextlib
import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from quantum_scheduler.solving.frame import HEADER, Kind, read_header

CHILD_MODULE = "quantum_scheduler.solving.child"
OUTPUT_TAIL_BYTES = 4_000
_READ_BYTES = 65_536


class Child:
    """A child process in a process group of its own, and the parent's ends of its socket and of its output.

    It belongs to the running event loop. `death` becomes readable when it is dead, and `reap` then lets go of that and
    tells its return code. `exited` ends with the code once it and its process group are dead and reaped.
    """

    def __init__(
        self,
        pid: int,
        *,
        channel: socket.socket,
        output: socket.socket,
        death: int,
        reap: Callable[[], int],
        on_exit: Callable[["Child"], None],
    ) -> None:
        self.pid = pid
        self.calls = 0
        self.ready = False
        self.resident_at_start_bytes = 0
        self._loop = asyncio.get_running_loop()
        self.exited: asyncio.Future[int] = self._loop.create_future()
        self._channel = channel
        self._on_exit = on_exit
        self._tail = bytearray()
        self._output = output
        self._death = death
        self._reap = reap
        for each in (self._channel, self._output):
            each.setblocking(False)
        self._loop.add_reader(self._output, self._read_output)
        self._loop.add_reader(self._death, self._bury)

    async def send(self, frames: bytes) -> None:
        """Send frames, however large. Raises OSError where the child is gone."""
        await self._loop.sock_sendall(self._channel, frames)

    def pass_on(self, descriptors: Sequence[int]) -> None:
        """Send a byte with descriptors. Raises OSError where the child is gone or does not listen."""
        socket.send_fds(self._channel, [b"\0"], descriptors)

    async def receive(self) -> tuple[Kind, bytes]:
        """Wait for one frame. Raises EOFError where the child is gone, ValueError where it sent no frame of ours."""
        kind, length = read_header(await self._read_exactly(HEADER.size))
        return kind, bytes(await self._read_exactly(length))

    async def _read_exactly(self, length: int) -> bytearray:
        buffer = bytearray(length)
        view, done = memoryview(buffer), 0
        while done < length:
            try:
                count = await self._loop.sock_recv_into(self._channel, view[done:])
            except ConnectionResetError:
                count = 0
            if count == 0:
                raise EOFError
            done += count
        return buffer

    def kill(self) -> None:
        """Kill it and its process group; safe to repeat."""
        if not self.exited.done():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)

    async def end(self, *, grace_s: float = 0.0) -> None:
        """Kill it, wait until it is gone, let go of its socket; cancelling the wait spares nothing.

        `grace_s` is for one that has hung up: so long may it take to die by itself and say of what.
        Only for whoever reads from it, or when nobody does.
        """
        self.exited.add_done_callback(lambda _: self.close())
        try:
            if grace_s:
                await asyncio.wait([self.exited], timeout=grace_s)
        finally:
            self.kill()
        await asyncio.shield(self.exited)

    def forget_output(self) -> None:
        """Drop what it has written so far: it belongs to an earlier call."""
        self._tail.clear()

    def describe_death(self) -> str:
        """Say how it died and, on the lines after, the last it wrote. Only once `exited` is done."""
        code = self.exited.result()
        how = (
            f"the process was killed by {signal.Signals(-code).name}" if code < 0 else f"the process exited with {code}"
        )
        output = self._tail.decode(errors="replace").strip()
        return f"{how}; its last output:\n{output}" if output else how

    def resident_bytes(self) -> int:
        """Measure the memory it holds now; 0 where it is gone."""
        try:
            pages = Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()[1]
        except OSError:
            return 0
        return int(pages) * resource.getpagesize()

    def _read_output(self) -> None:
        try:
            data = self._output.recv(_READ_BYTES)
        except BlockingIOError:
            return
        if not data:
            self._loop.remove_reader(self._output)
        self._tail += data
        del self._tail[:-OUTPUT_TAIL_BYTES]

    def _bury(self) -> None:
        """Reap the dead child. The group goes first: until the child is reaped nobody else can be given its number."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._loop.remove_reader(self._death)
        code = self._reap()
        self._read_output()
        self._loop.remove_reader(self._output)
        self._output.close()
        # A read that waits ends now, after what the child sent before it died, even if a stray fork holds the socket.
        with contextlib.suppress(OSError):
            self._channel.shutdown(socket.SHUT_RDWR)
        self.exited.set_result(code)
        self._on_exit(self)

    def close(self) -> None:
        """Let go of the socket. Only once `exited` is done and nothing reads any more."""
        self._channel.close()


def spawn_child(
    preload: Sequence[str],
    *,
    environ: Mapping[str, str] | None,
    on_exit: Callable[[Child], None],
    module: str = CHILD_MODULE,
) -> Child:
    """Start a child that imports `preload` and then answers calls. Raises OSError where the system has no room."""
    ours, theirs = socket.socketpair()
    output, written = socket.socketpair()
    try:
        with theirs, written:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", module, str(theirs.fileno()), str(os.getpid()), *preload],
                stdin=subprocess.DEVNULL,
                stdout=written.fileno(),
                stderr=subprocess.STDOUT,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                env=environ,
            )
        try:
            pidfd = os.pidfd_open(process.pid)
        except OSError:
            process.kill()
            process.wait()
            raise
    except OSError:
        ours.close()
        output.close()
        raise

    def reap() -> int:
        os.close(pidfd)
        return process.wait()

    return Child(process.pid, channel=ours, output=output, death=pidfd, reap=reap, on_exit=on_exit)
