"""Limit what a request may send: so many bytes, in so much time."""

import asyncio

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from quantum_scheduler.api.model import BodyTooLarge, BodyTooSlow

BODY_S_MAX = 120.0
# A client that is refused while it still sends would see a broken connection instead of the reason. What it sends is
# therefore read and thrown away for so long, while the answer waits in its socket.
LINGER_S = 5.0
LINGER_BYTES_MAX = 256 * 2**20


class LimitBody:
    """Pure ASGI middleware that refuses a body over `bytes_max` as soon as that shows, whatever its length claims.

    Raises BodyTooLarge and BodyTooSlow into the application that reads.
    """

    def __init__(self, app: ASGIApp, *, bytes_max: int, body_s_max: float = BODY_S_MAX) -> None:
        self.app = app
        self.bytes_max = bytes_max
        self.body_s_max = body_s_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        body = _Body(receive, bytes_max=self.bytes_max, body_s_max=self.body_s_max, headers=Headers(scope=scope))

        async def send_after_body(message: Message) -> None:
            if message["type"] == "http.response.start" and not body.is_complete:
                # Without this the server would go on reading for as long as the client goes on sending.
                MutableHeaders(scope=message)["Connection"] = "close"
            if message["type"] == "http.response.body" and not message.get("more_body") and body.is_being_sent:
                await send({**message, "more_body": True})
                await body.discard()
                message = {"type": "http.response.body", "body": b""}
            await send(message)

        await self.app(scope, body.receive, send_after_body)


class _Body:
    """The body of one request, counted as it comes."""

    def __init__(self, receive: Receive, *, bytes_max: int, body_s_max: float, headers: Headers) -> None:
        self._receive = receive
        self._bytes_max = bytes_max
        self._give_up_at = asyncio.get_running_loop().time() + body_s_max
        self._body_s_max = body_s_max
        self._bytes = 0
        length = headers.get("content-length", "0")
        self._length = int(length) if length.isdecimal() else 0
        self.is_complete = not self._length and "transfer-encoding" not in headers
        # Who asks before sending is told no instead, and then sends nothing.
        self._asks_first = headers.get("expect", "").lower() == "100-continue"

    @property
    def is_being_sent(self) -> bool:
        """Whether the client may still be sending."""
        return not self.is_complete and not self._asks_first

    async def receive(self) -> Message:
        """Receive the next part. Raises BodyTooLarge, BodyTooSlow."""
        if self.is_complete:
            return await self._receive()
        if self._length > self._bytes_max:
            raise BodyTooLarge(self._bytes_max)
        try:
            async with asyncio.timeout_at(self._give_up_at):
                message = await self._next()
        except TimeoutError:
            self.is_complete = True
            raise BodyTooSlow(self._body_s_max) from None
        if self._bytes > self._bytes_max:
            raise BodyTooLarge(self._bytes_max)
        return message

    async def discard(self) -> None:
        """Read what is still coming and throw it away, up to the limits."""
        try:
            async with asyncio.timeout(LINGER_S):
                while not self.is_complete and self._bytes <= LINGER_BYTES_MAX:
                    await self._next()
        except TimeoutError:
            self.is_complete = True

    async def _next(self) -> Message:
        self._asks_first = False
        message = await self._receive()
        self._bytes += len(message.get("body", b""))
        self.is_complete = not message.get("more_body", False)
        return message
