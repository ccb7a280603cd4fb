"""Have a pool's children forked from a process that has imported all that they need: the stem."""

import asyncio
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from quantum_scheduler.solving.frame import Kind
from quantum_scheduler.solving.spawn import Child, spawn_child
from quantum_scheduler.solving.stem import NEWS

STEM_MODULE = "quantum_scheduler.solving.stem"
EXIT_GRACE_S = 1.0
FORK_TIMEOUT_S = 60.0


class Stem:
    """The pool's end of a stem, which is started when the first child is wanted, and again where it has died.

    Its children die with it, and it dies with this process.
    """

    def __init__(self, preload: Sequence[str], *, environ: Mapping[str, str] | None) -> None:
        self._preload = tuple(preload)
        self._environ = environ
        self._process: Child | None = None
        self._turn = asyncio.Lock()
        self._closed = False

    async def fork_child(self, *, on_exit: Callable[[Child], None], start_timeout_s: float) -> Child:
        """Fork a child, once the stem has imported what it should. Raises OSError where none can be had."""
        async with self._turn:
            stem = await self._find_stem(start_timeout_s)
            with suppress(BrokenPipeError):  # it may have died since it was last needed
                return await _fork(stem, on_exit)
            await stem.end()
            return await _fork(await self._find_stem(start_timeout_s), on_exit)

    def refuse(self) -> None:
        """Start no stem any more, and fork nothing from one that still imports; safe to repeat."""
        self._closed = True
        if self._process is not None and not self._process.ready:
            self._process.kill()

    async def end(self) -> None:
        """Kill the stem, which should have no children any more, and wait until it is gone."""
        self.refuse()
        if self._process is not None:
            await self._process.end()

    async def _find_stem(self, start_timeout_s: float) -> Child:
        if self._closed:
            raise BrokenPipeError("the pool was closed")
        if self._process is not None:
            if not self._process.exited.done():
                return self._process
            self._process.close()
        stem = spawn_child(self._preload, environ=self._environ, on_exit=_ignore, module=STEM_MODULE)
        self._process = stem
        try:
            async with asyncio.timeout(start_timeout_s):
                kind, _ = await stem.receive()
        except (EOFError, TimeoutError, ValueError):
            kind = None
        if kind is not Kind.READY:
            await stem.end(grace_s=EXIT_GRACE_S)
            raise OSError(stem.describe_death())
        stem.ready = True
        return stem


def _ignore(_stem: Child) -> None:
    """Do nothing: that a stem is gone is seen when the next child is wanted."""


async def _fork(stem: Child, on_exit: Callable[[Child], None]) -> Child:
    """Ask the stem for a child. Raises OSError where it does not answer."""
    ours, theirs = socket.socketpair()
    news, told = socket.socketpair()
    output, written = socket.socketpair()
    news.setblocking(False)
    try:
        with theirs, told, written:
            stem.pass_on([theirs.fileno(), written.fileno(), told.fileno()])
        async with asyncio.timeout(FORK_TIMEOUT_S):
            born = await asyncio.get_running_loop().sock_recv(news, NEWS.size)
        pid = _read_news(born)
    except BaseException:
        for each in (ours, news, output):
            each.close()
        raise

    def reap() -> int:
        with news, suppress(BrokenPipeError):
            return _read_news(news.recv(NEWS.size))
        return -signal.SIGKILL  # where the stem has died, its children were killed with it

    return Child(pid, channel=ours, output=output, death=news.fileno(), reap=reap, on_exit=on_exit)


def _read_news(news: bytes) -> int:
    """Read what the stem tells of a child. Raises BrokenPipeError where it has died."""
    if not news:
        raise BrokenPipeError("the process died that children are forked from")
    return int(NEWS.unpack(news)[0])
