"""The processes that talk to vendors: forked from one that holds the SDKs in use, and from another once more are."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

import structlog

from quantum_scheduler.backends.load import list_backends, list_modules
from quantum_scheduler.solving.pool import ProcessPool
from quantum_scheduler.solving.port import ComputeUnavailable

# After so long it is tried again what could not be imported: that takes seconds of work, and memory.
TRY_AGAIN_S = 60.0

log = structlog.get_logger(__name__)


class Callers:
    """An `Executor` whose processes share the SDKs of `backends`, imported once, beside the modules `preload`.

    Those of others are imported as well once `prepare` has named them; what is under way meanwhile goes on as it is.
    """

    def __init__(
        self,
        size: int,
        preload: Sequence[str],
        backends: Iterable[str] = (),
        *,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._size = size
        self._environ = environ
        self._preload = tuple(preload)
        self._held = _find(backends)
        self._pool = self._open(self._held)
        self._under_way: Counter[ProcessPool] = Counter()
        self._loading: asyncio.Task[None] | None = None
        self._load_from_s = 0.0
        self._errands: set[asyncio.Task[None]] = set()

    async def run(
        self,
        function: str,
        argument: bytes,
        *,
        timeout_s: float,
        memory_mb: int,
        on_progress: Callable[[bytes], None] | None = None,
    ) -> bytes:
        """Run `function` as the port says."""
        pool = self._pool
        self._under_way[pool] += 1
        try:
            return await pool.run(function, argument, timeout_s=timeout_s, memory_mb=memory_mb, on_progress=on_progress)
        finally:
            self._under_way[pool] -= 1
            self._let_go(pool)

    def prepare(self, backends: Iterable[str]) -> frozenset[str]:
        """See that calls to these backends find their SDKs imported; return those for which that is not so yet."""
        missing = _find(backends) - self._held
        if missing and self._loading is None and asyncio.get_running_loop().time() >= self._load_from_s:
            self._loading = asyncio.create_task(self._load(missing))
        return missing

    def resize(self, calls: int) -> None:
        """Make room for so many calls at once."""
        self._size = calls
        self._pool.resize(calls)

    async def close(self) -> None:
        """Kill what still runs and let go of every process."""
        if self._loading is not None:
            self._loading.cancel()
            await asyncio.gather(self._loading, return_exceptions=True)
        pools = {self._pool, *self._under_way}
        await asyncio.gather(*(pool.close() for pool in pools), *self._errands)

    def _open(self, backends: Iterable[str]) -> ProcessPool:
        modules = [module for name in sorted(backends) for module in _list_modules(name)]
        return ProcessPool(self._size, (*self._preload, *modules), environ=self._environ, forks=True)

    async def _load(self, missing: frozenset[str]) -> None:
        """Import what is missing, and have all further calls answered by processes that hold it."""
        held = self._held | missing
        pool = self._open(held)
        try:
            await pool.warm()
            pool.resize(self._size)
            pool, self._pool, self._held = self._pool, pool, held
        except ComputeUnavailable as error:
            self._load_from_s = asyncio.get_running_loop().time() + TRY_AGAIN_S
            log.warning("callers.unprepared", backends=sorted(missing), reason=str(error))
        finally:
            self._loading = None
            self._let_go(pool)

    def _let_go(self, pool: ProcessPool) -> None:
        """Close a pool that answers nothing any more."""
        if pool is not self._pool and not self._under_way[pool]:
            del self._under_way[pool]
            closing = asyncio.create_task(pool.close())
            self._errands.add(closing)
            closing.add_done_callback(self._errands.discard)


def _find(backends: Iterable[str]) -> frozenset[str]:
    """Those of the backends that are installed."""
    return frozenset(backends).intersection(list_backends())


def _list_modules(backend: str) -> tuple[str, ...]:
    try:
        return list_modules(backend)
    except (AttributeError, ImportError):
        return ()  # a broken plug-in says so when it is called
