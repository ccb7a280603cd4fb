"""The limits of a body, on the middleware itself: what it lets through, what it stops, and when it lets go."""

import asyncio
from collections.abc import Iterable

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from quantum_scheduler.api.limit_body import LimitBody
from quantum_scheduler.api.model import BodyTooLarge, BodyTooSlow

LENGTH = (b"content-length", b"6")
CHUNKED = (b"transfer-encoding", b"chunked")


async def _echo(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse(await Request(scope, receive).body())(scope, receive, send)


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("no", status_code=401)(scope, receive, send)


class _Connection:
    """A client that sends its parts and then hangs on, as a server passes it to an application."""

    def __init__(self, parts: Iterable[bytes], *, ends: bool) -> None:
        self.left = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
        self.left += [{"type": "http.request", "body": b"", "more_body": False}] * ends
        self.answer: list[Message] = []

    async def receive(self) -> Message:
        if self.left:
            return self.left.pop(0)
        await asyncio.Event().wait()
        raise AssertionError

    async def send(self, message: Message) -> None:
        self.answer.append(message)

    @property
    def headers(self) -> dict[bytes, bytes]:
        return dict(self.answer[0]["headers"])

    @property
    def body(self) -> bytes:
        return b"".join(message["body"] for message in self.answer[1:])


def _scope(*headers: tuple[bytes, bytes]) -> Scope:
    return {"type": "http", "method": "POST", "path": "/", "headers": list(headers)}


async def test_a_body_of_just_the_limit_is_passed_on() -> None:
    connection = _Connection([b"abc", b"def"], ends=True)
    await LimitBody(_echo, bytes_max=6)(_scope(LENGTH), connection.receive, connection.send)
    assert connection.body == b"abcdef"
    assert b"connection" not in connection.headers


@pytest.mark.parametrize("header", [LENGTH, CHUNKED])
async def test_a_body_of_one_byte_more_is_stopped(header: tuple[bytes, bytes]) -> None:
    connection = _Connection([b"abc", b"def", b"never read"], ends=True)
    with pytest.raises(BodyTooLarge):
        await LimitBody(_echo, bytes_max=5)(_scope(header), connection.receive, connection.send)
    assert len(connection.left) == {LENGTH: 4, CHUNKED: 2}[header]


async def test_a_body_that_lies_about_its_length_is_stopped_all_the_same() -> None:
    connection = _Connection([b"a" * 100], ends=True)
    with pytest.raises(BodyTooLarge):
        await LimitBody(_echo, bytes_max=10)(_scope(LENGTH), connection.receive, connection.send)


async def test_a_body_that_does_not_end_in_time_is_given_up() -> None:
    connection = _Connection([b"abc"], ends=False)
    with pytest.raises(BodyTooSlow):
        await LimitBody(_echo, bytes_max=10, body_s_max=0.1)(_scope(LENGTH), connection.receive, connection.send)


async def test_who_is_refused_while_sending_can_finish_and_read_why() -> None:
    connection = _Connection([b"abc", b"def"], ends=True)
    await LimitBody(_refuse, bytes_max=10)(_scope(LENGTH), connection.receive, connection.send)
    assert connection.left == []
    assert connection.body == b"no"
    assert not connection.answer[-1].get("more_body")
    assert connection.headers[b"connection"] == b"close"


async def test_who_asks_before_sending_is_not_waited_for() -> None:
    connection = _Connection([], ends=False)
    limited = LimitBody(_refuse, bytes_max=10)
    async with asyncio.timeout(2):
        await limited(_scope(LENGTH, (b"expect", b"100-continue")), connection.receive, connection.send)
    assert connection.body == b"no"
