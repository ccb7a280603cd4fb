"""Send mail beside the request that asks for it, so that its duration tells nobody whether there was any to send."""

import asyncio
from types import TracebackType
from typing import Self

import structlog

from quantum_scheduler.accounts.mail.port import Mail, Mailer, MailRefused

WAITING_MAX = 100
FAREWELL_S = 5.0

log = structlog.get_logger(__name__)


class Postbox:
    """Takes mail at once and sends it soon, one at a time. Use it as `async with Postbox(mailer) as postbox`."""

    def __init__(self, mailer: Mailer) -> None:
        self._mailer = mailer
        self._waiting: asyncio.Queue[Mail] = asyncio.Queue(WAITING_MAX)
        self._task: asyncio.Task[None] | None = None

    def post(self, mail: Mail) -> None:
        """Take a message; with too many waiting it is dropped and logged, and its reader asks again."""
        try:
            self._waiting.put_nowait(mail)
        except asyncio.QueueFull:
            log.warning("mail.dropped", subject=mail.subject, waiting=WAITING_MAX)

    async def drain(self) -> None:
        """Wait until everything that was taken has been handed over or refused."""
        await self._waiting.join()

    async def __aenter__(self) -> Self:
        """Begin to send."""
        self._task = asyncio.create_task(self._send_always(), name="accounts.postbox")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Send what waits, for a moment, and stop."""
        try:
            async with asyncio.timeout(FAREWELL_S):
                await self.drain()
        except TimeoutError:
            log.warning("mail.left_unsent", waiting=self._waiting.qsize())
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _send_always(self) -> None:
        while True:
            mail = await self._waiting.get()
            try:
                await self._mailer.send(mail)
            except MailRefused as error:
                log.warning("mail.refused", subject=mail.subject, reason=str(error))
            except Exception:
                log.exception("mail.failed", subject=mail.subject)
            finally:
                self._waiting.task_done()
