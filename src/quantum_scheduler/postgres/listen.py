"""Notices between processes: hints that there is something to look at, never the thing itself.

A notice may be lost while the database restarts, so whoever waits for one also looks by itself now and then.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import structlog

from quantum_scheduler.postgres.connect import DRIVER_ERRORS, Connection, DirectConnection, connect
from quantum_scheduler.postgres.model import DatabaseUnavailable, DatabaseUrlInvalid

PAUSES_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
HEARTBEAT_S = 30.0
ANSWER_TIMEOUT_S = 10.0
NOTICES_WAITING_MAX = 256
DEBOUNCE_S = 0.01
FAREWELL_S = 1.0
PAYLOADS_WAITING_MAX = 4096
PAYLOAD_BYTES_MAX = 7999
# One notice carries several payloads of a channel: each notice costs the server and every session that listens.
BETWEEN_PAYLOADS = "\n"

SEND = "SELECT pg_notify(channel, payload) FROM unnest($1::text[], $2::text[]) AS notice (channel, payload)"

_LOST = (DatabaseUnavailable, DatabaseUrlInvalid, *DRIVER_ERRORS)

log = structlog.get_logger(__name__)


class Subscription:
    """The notices of one channel for one reader. Leave the `with` block to end it.

    A notice is its payload, or None: look for yourself, something may have been missed. None comes when listening
    begins, after every reconnection, and in place of more notices than a slow reader can keep waiting.
    """

    def __init__(self, listener: "Listener", channel: str, but_of: "Notifier | None") -> None:
        self.channel = channel
        self.but_of = but_of
        self._listener = listener
        self._waiting: deque[str | None] = deque()
        self._arrived = asyncio.Event()

    async def receive(self, timeout_s: float | None = None) -> str | None:
        """Wait for the next notice and return its payload; None means look for yourself, or that time is up."""
        if not self._waiting:
            self._arrived.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await self._arrived.wait()
        return self._waiting.popleft() if self._waiting else None

    def deliver(self, payload: str | None) -> None:
        """Put a notice in the queue of this reader, at once."""
        if payload is None or len(self._waiting) >= NOTICES_WAITING_MAX:
            self._waiting.clear()
            payload = None
        self._waiting.append(payload)
        self._arrived.set()

    def __aiter__(self) -> Self:
        """Iterate over the notices without end."""
        return self

    async def __anext__(self) -> str | None:
        """Wait for the next notice."""
        return await self.receive()

    def __enter__(self) -> Self:
        """Nothing is left to do: notices come from `subscribe` on."""
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        """End the subscription."""
        self._listener.unsubscribe(self)


class Listener:
    """One session that listens for everybody in this process, and comes back by itself when the server does.

    Use it as `async with Listener(dsn) as listener`; the database may be away at that time. `dsn` must reach the
    server itself: a pooler that changes the server between transactions does not deliver notices.
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._subscriptions: dict[str, list[Subscription]] = {}
        self._changed = asyncio.Event()
        self._failures = 0
        self._task: asyncio.Task[None] | None = None

    def subscribe(self, channel: str, *, but_of: "Notifier | None" = None) -> Subscription:
        """Begin to collect the notices of `channel`, but those of one notifier if its reader has no use for them.

        Subscribe first and look afterwards, then nothing is missed.
        """
        subscription = Subscription(self, channel, but_of)
        self._subscriptions.setdefault(channel, []).append(subscription)
        self._changed.set()
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """Stop collecting. May be called twice."""
        with suppress(ValueError):
            self._subscriptions[subscription.channel].remove(subscription)

    async def __aenter__(self) -> Self:
        """Start listening in the background."""
        self._task = asyncio.create_task(self._run(), name="postgres.listener")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening."""
        if self._task is not None:
            await _end(self._task)

    async def _run(self) -> None:
        while True:
            try:
                connection = await connect(
                    self._dsn, application_name="quantum-scheduler listener", command_timeout_s=ANSWER_TIMEOUT_S
                )
                await self._listen(connection)
            except _LOST as error:
                log.warning("listener.disconnected", reason=str(error), failures=self._failures)
            await asyncio.sleep(PAUSES_S[min(self._failures, len(PAUSES_S) - 1)])
            self._failures += 1

    async def _listen(self, connection: DirectConnection) -> None:
        """Listen to every channel that has been asked for until the connection is lost."""
        connection.add_termination_listener(lambda _: self._changed.set())
        listened: set[str] = set()
        try:
            while not connection.is_closed():
                self._changed.clear()
                for channel in self._subscriptions.keys() - listened:
                    await connection.add_listener(channel, self._hear)
                    listened.add(channel)
                    self._deliver(channel, None)
                self._failures = 0
                try:
                    async with asyncio.timeout(HEARTBEAT_S):
                        await self._changed.wait()
                except TimeoutError:
                    await connection.execute("SELECT 1")  # a connection may be cut without a word
        finally:
            connection.terminate()

    def _hear(self, _connection: object, session: int, channel: str, payload: Any) -> None:
        for subscription in self._subscriptions[channel]:
            if subscription.but_of is None or subscription.but_of.session != session:
                for each in payload.split(BETWEEN_PAYLOADS):
                    subscription.deliver(each or None)

    def _deliver(self, channel: str, payload: str | None) -> None:
        for subscription in self._subscriptions[channel]:
            subscription.deliver(payload)


class Notifier:
    """Sends notices from a session of its own, many at a time, and keeps them while the server is away.

    Use it as `async with Notifier(dsn) as notifier`. A notice inside the transaction that it tells of would make
    every commit wait for every other; send it afterwards.
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._waiting: dict[str, dict[str, None]] = {}  # payloads by channel, each once, in order
        self._changed = asyncio.Event()
        self._connection: DirectConnection | None = None
        self._task: asyncio.Task[None] | None = None

    def notify(self, channel: str, payload: str = "") -> None:
        """Send a notice soon; returns at once. An empty payload stands for any: look for yourself.

        More than `PAYLOADS_WAITING_MAX` payloads of a channel become one empty one. Raises ValueError for a payload
        of more than `PAYLOAD_BYTES_MAX` bytes, or of more than one line.
        """
        if len(payload) * 4 > PAYLOAD_BYTES_MAX and len(payload.encode()) > PAYLOAD_BYTES_MAX:
            raise ValueError(f"a notice holds at most {PAYLOAD_BYTES_MAX} bytes, not {len(payload.encode())}")
        if BETWEEN_PAYLOADS in payload:
            raise ValueError("a notice holds one line")
        payloads = self._waiting.setdefault(channel, {})
        if "" not in payloads:
            payloads[payload] = None
        if not payload or len(payloads) > PAYLOADS_WAITING_MAX:
            self._waiting[channel] = {"": None}
        self._changed.set()

    @property
    def session(self) -> int | None:
        """The number that the server gave the session that sends, which comes with every notice."""
        return None if self._connection is None or self._connection.is_closed() else self._connection.get_server_pid()

    async def __aenter__(self) -> Self:
        """Start sending in the background."""
        self._task = asyncio.create_task(self._run(), name="postgres.notifier")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Send what is left, if the server takes it at once, and stop."""
        if self._task is not None:
            await _end(self._task)
        with suppress(*_LOST):
            async with asyncio.timeout(FAREWELL_S):
                await self._send_waiting()
        self._disconnect()

    async def _run(self) -> None:
        failures = 0
        while True:
            await self._changed.wait()
            try:
                await self._send_waiting()
                failures = 0
                pause_s = DEBOUNCE_S
            except _LOST as error:
                log.warning("notifier.disconnected", reason=str(error), failures=failures)
                self._disconnect()
                pause_s = PAUSES_S[min(failures, len(PAUSES_S) - 1)]
                failures += 1
            await asyncio.sleep(pause_s)

    async def _send_waiting(self) -> None:
        """Send all that waits in one statement; what is not sent waits on."""
        self._changed.clear()
        batch, self._waiting = self._waiting, {}
        notices = [(channel, payload) for channel, payloads in batch.items() for payload in _pack(payloads)]
        if not notices:
            return
        try:
            connection = await self._connect()
            await connection.execute(SEND, [channel for channel, _ in notices], [payload for _, payload in notices])
        except BaseException:
            later, self._waiting = self._waiting, batch
            for channel, payloads in later.items():
                for payload in payloads:
                    self.notify(channel, payload)
            self._changed.set()
            raise

    async def _connect(self) -> DirectConnection:
        if self._connection is None or self._connection.is_closed():
            self._connection = await connect(
                self._dsn,
                application_name="quantum-scheduler notifier",
                command_timeout_s=ANSWER_TIMEOUT_S,
                settings={"synchronous_commit": "off"},  # a notice lost in a crash was a hint
            )
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None


async def notify_once(conn: Connection, notices: Iterable[tuple[str, str]]) -> None:
    """Send notices, each a channel and a payload, over a connection that is in no transaction; each only once."""
    distinct = list(dict.fromkeys(notices))
    if distinct:
        await conn.execute(SEND, [channel for channel, _ in distinct], [payload for _, payload in distinct])


def _pack(payloads: Iterable[str]) -> Iterator[str]:
    """Join payloads to as few as may be sent."""
    packed: list[str] = []
    size_bytes = 0
    for payload in payloads:
        size_bytes += len(payload.encode()) + 1
        if packed and size_bytes > PAYLOAD_BYTES_MAX:
            yield BETWEEN_PAYLOADS.join(packed)
            packed, size_bytes = [], len(payload.encode()) + 1
        packed.append(payload)
    if packed:
        yield BETWEEN_PAYLOADS.join(packed)


async def _end(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
