"""The service as customers meet it: the real server on a loopback port, its database, a worker and its processes."""

import asyncio
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
import structlog
import uvicorn

from quantum_scheduler.accounts.issue import issue_key
from quantum_scheduler.accounts.limits.model import GENEROUS, LimitSettings
from quantum_scheduler.accounts.login.desk import LoginOptions, LoginParts
from quantum_scheduler.accounts.model import LOCAL_ORG_ID
from quantum_scheduler.accounts.network import Network
from quantum_scheduler.accounts.scope import CUSTOMER_KEY_SCOPES
from quantum_scheduler.api import create_api
from quantum_scheduler.incidents.answers.model import AnswerSecrets
from quantum_scheduler.jobs.follow import FOLLOWERS_MAX
from quantum_scheduler.postgres.connect import connect, open_pool
from quantum_scheduler.postgres.embed import EmbeddedPostgres
from quantum_scheduler.postgres.listen import Listener, Notifier
from quantum_scheduler.solving.pool import ProcessPool
from quantum_scheduler.worker import run_worker

REQUEST_BYTES_MAX = 4 * 2**20
PRELOAD = ("quantum_scheduler.jobs.read_apart",)
ANSWER_SECRETS = AnswerSecrets(slack="slack-secret", pagerduty="pagerduty-secret")
LANES = ("solve.classical", "solve.simulator")


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@dataclass(eq=False)
class Service:
    """A service that runs in a thread of its own, so that tests are ordinary customers."""

    dsn: str
    works: bool
    followers_max: int = FOLLOWERS_MAX
    limits: LimitSettings = GENEROUS
    proxies: tuple[Network, ...] = ()
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    url: str = ""
    runbooks_dir: Path = field(default_factory=Path)

    def __enter__(self) -> "Service":
        # Named as TCP, because asyncio else leaves Nagle's algorithm on, which adds 40 ms to every answer.
        self._bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._bound.bind(("127.0.0.1", 0))
        self._bound.listen()
        self.url = f"http://127.0.0.1:{self._bound.getsockname()[1]}"
        self._started = threading.Event()
        self._failure: list[BaseException] = []
        self._thread = threading.Thread(target=self._run, name="service")
        self._thread.start()
        assert self._started.wait(60)
        assert not self._failure, self._failure
        httpx2.get(f"{self.url}/v1/health", timeout=60, trust_env=False).raise_for_status()
        return self

    def __exit__(self, *_: object) -> None:
        self.tell_to_stop()
        self._thread.join(60)
        assert not self._thread.is_alive()
        assert not self._failure, self._failure

    def tell_to_stop(self) -> None:
        """Do what SIGTERM does."""
        self._loop.call_soon_threadsafe(self.stop.set)

    def make_key(self, *scopes: str) -> str:
        """Make one more organisation, with a key; by default one for jobs."""
        making = self._make_key(uuid4(), scopes or CUSTOMER_KEY_SCOPES)
        return asyncio.run_coroutine_threadsafe(making, self._loop).result(30)

    def make_operator_key(self) -> str:
        """Make one more key of whoever runs the installation."""
        making = self._make_key(LOCAL_ORG_ID, ("ops:read", "ops:write"))
        return asyncio.run_coroutine_threadsafe(making, self._loop).result(30)

    def make_sender_key(self) -> str:
        """Make one more key that may send alerts and nothing else."""
        making = self._make_key(LOCAL_ORG_ID, ("alerts:write",))
        return asyncio.run_coroutine_threadsafe(making, self._loop).result(30)

    def customer(self, key: str | None = None, **options: Any) -> httpx2.Client:
        """A client with a key, of an organisation of its own unless one is given."""
        headers = {"Authorization": f"Bearer {key or self.make_key()}"}
        return httpx2.Client(base_url=self.url, headers=headers, timeout=60, trust_env=False, **options)

    async def _make_key(self, org_id: UUID, scopes: Sequence[str]) -> str:
        conn = await connect(self.dsn)
        try:
            async with conn.transaction():
                await conn.execute(
                    "INSERT INTO organisation (id, name) VALUES ($1, 'a customer') ON CONFLICT DO NOTHING", org_id
                )
                return await issue_key(conn, org_id, scopes=scopes)
        finally:
            await conn.close()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            self._failure.append(error)
        finally:
            self._started.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        async with AsyncExitStack() as stack:
            self.runbooks_dir = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="qs-runbooks-")))
            pool = await open_pool(self.dsn)
            stack.callback(pool.terminate)
            executor = await stack.enter_async_context(ProcessPool(2, preload=PRELOAD))
            api = create_api(
                pool=pool,
                listener=await stack.enter_async_context(Listener(self.dsn)),
                notifier=await stack.enter_async_context(Notifier(self.dsn)),
                executor=executor,
                stop=self.stop,
                request_bytes_max=REQUEST_BYTES_MAX,
                followers_max=self.followers_max,
                limits=self.limits,
                login_parts=LoginParts(options=LoginOptions(proxies=self.proxies)),
                answer_secrets=ANSWER_SECRETS,
                webhook_secret="webhook-secret-of-tests",
                runbooks_dir=self.runbooks_dir,
            )
            config = uvicorn.Config(
                api, log_config=None, access_log=False, server_header=False, proxy_headers=False, lifespan="on"
            )
            server = _Server(config)
            serving = asyncio.create_task(server.serve(sockets=[self._bound]))
            working = [
                asyncio.create_task(run_worker(self.dsn, executor, lanes=LANES, slots=2, stop=self.stop))
                for _ in range(self.works)
            ]
            self._started.set()
            await self.stop.wait()
            server.should_exit = True
            await asyncio.gather(serving, *working)


@pytest.fixture(scope="session", autouse=True)
def log_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the log of all services goes, one line for each fact."""
    path = tmp_path_factory.mktemp("log") / "service.log"
    with path.open("w") as file:
        structlog.configure(
            processors=[
                structlog.contextvars.merge_contextvars,
                structlog.processors.add_log_level,
                structlog.processors.format_exc_info,
                structlog.processors.LogfmtRenderer(key_order=["level", "event"], bool_as_flag=False),
            ],
            logger_factory=structlog.WriteLoggerFactory(file=file),
        )
        yield path
        structlog.reset_defaults()


@pytest.fixture(scope="session")
def service(postgres_server: EmbeddedPostgres, migrated_template: str) -> Iterator[Service]:
    """One service with a worker for the whole run; each test is a customer of its own."""
    name = "service"
    asyncio.run(_execute(postgres_server, f"CREATE DATABASE {name} TEMPLATE {migrated_template}"))
    with Service(dsn=postgres_server.database_url(name), works=True) as running:
        yield running
    asyncio.run(_execute(postgres_server, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def customer(service: Service) -> Iterator[httpx2.Client]:
    """A customer of the service."""
    with service.customer() as client:
        yield client


@pytest.fixture
def stranger(service: Service) -> Iterator[httpx2.Client]:
    """Somebody without a key."""
    with httpx2.Client(base_url=service.url, timeout=60, trust_env=False) as client:
        yield client


@pytest.fixture
def idle(dsn: str) -> Callable[..., AbstractContextManager[Service]]:
    """Start a service without a worker on a database of its own, so that jobs stay as they are."""
    return partial(Service, dsn=dsn, works=False)


async def _execute(server: EmbeddedPostgres, statement: str) -> None:
    conn = await connect(server.database_url("postgres"))
    try:
        await conn.execute(statement)
    finally:
        await conn.close()
