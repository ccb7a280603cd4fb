"""Serve the API on a socket until told to stop."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import httpx2
import uvicorn

from quantum_scheduler.api import create_api
from quantum_scheduler.app import (
    build_answer_secrets,
    build_audience,
    build_callers,
    build_check,
    build_keyring,
    build_login,
    build_reader,
)
from quantum_scheduler.cli.keep_peppers import keep_peppers
from quantum_scheduler.cli.listen import name_address
from quantum_scheduler.postgres.connect import open_pool
from quantum_scheduler.postgres.listen import Listener, Notifier
from quantum_scheduler.settings import Settings

# Requests still being answered get so long once the service is told to stop.
FAREWELL_S = 10
LOOK_EVERY_S = 0.25
LOOK_TIMEOUT_S = 5.0
CONNECTIONS_MAX = 1_000


class ServiceEnded(Exception):  # noqa: N818  an error is named for what happened
    """The API stopped although nobody asked it to; its log says why."""


class _Server(uvicorn.Server):
    """A server that leaves signals to whoever runs it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


@asynccontextmanager
async def serve_api(
    settings: Settings, dsn: str, bound: socket.socket, *, stop: asyncio.Event
) -> AsyncIterator["asyncio.Task[None]"]:
    """Serve the API on `bound`; lend the task that ends when `stop` has been set and the last request is answered.

    The task raises ServiceEnded where the server ends by itself.
    """
    reader, callers = build_reader(), build_callers(1)
    pool = await open_pool(dsn, statement_cache=settings.database_statement_cache)
    try:
        async with Listener(dsn) as listener, Notifier(dsn) as notifier:
            api = create_api(
                pool=pool,
                listener=listener,
                notifier=notifier,
                executor=reader,
                stop=stop,
                request_bytes_max=settings.request_bytes_max,
                check=build_check(callers, pool, build_keyring(settings)),
                login_parts=build_login(settings, keep_peppers(settings), served_at=name_address(bound)),
                limits=settings.limits,
                audience=build_audience(settings),
                answer_secrets=build_answer_secrets(settings),
                webhook_secret=settings.alerts.webhook_secret,
                status_copy=settings.data_dir / "status.json",
                metrics_token=settings.monitoring.token,
                runbooks_dir=settings.runbooks_dir,
            )
            server = _Server(
                uvicorn.Config(
                    api,
                    log_config=None,
                    access_log=False,
                    server_header=False,
                    proxy_headers=False,  # the application tells by itself which proxies it believes
                    ws="none",
                    lifespan="on",
                    limit_concurrency=CONNECTIONS_MAX,
                    timeout_graceful_shutdown=FAREWELL_S,
                )
            )
            serving = asyncio.create_task(_serve(server, bound, stop))
            try:
                yield serving
            finally:
                serving.cancel()
                await asyncio.gather(serving, return_exceptions=True)
    finally:
        await pool.close()
        await reader.close()
        await callers.close()


async def wait_until_ready(url: str, *, workers: int) -> None:
    """Wait until the service at `url` says that it is well, or, with no workers of its own, that it takes jobs."""
    well = {"ok"} if workers else {"ok", "degraded"}
    async with httpx2.AsyncClient(base_url=url, timeout=LOOK_TIMEOUT_S, trust_env=False) as client:
        while True:
            try:
                answer = await client.get("/v1/health")
                if answer.is_success and answer.json()["status"] in well:
                    return
            except httpx2.TransportError:
                pass  # it does not answer yet
            await asyncio.sleep(LOOK_EVERY_S)


async def _serve(server: uvicorn.Server, bound: socket.socket, stop: asyncio.Event) -> None:
    serving = asyncio.create_task(server.serve(sockets=[bound]))
    told = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({serving, told}, return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        await serving
    finally:
        told.cancel()
        serving.cancel()
    if not stop.is_set():
        raise ServiceEnded("the API stopped by itself; the log lines above say why")
