"""The stem of a pool, run as `python -m quantum_scheduler.solving.stem`: imports once, and forks the pool's children.

A fork costs some milliseconds where importing what it holds costs seconds, and it shares the memory of all that.
"""

import gc
import importlib
import os
import selectors
import socket
import struct
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import NoReturn

from quantum_scheduler.solving.child import die_with, keep_secrets, serve_calls
from quantum_scheduler.solving.frame import Kind, pack_frame

# What the pool is told of a child on a socket of its own: its number when it is born, its return code when it is dead.
NEWS = struct.Struct("!i")
# With a request, of one byte, come the child's socket, where its output goes, and the stem's end of the news.
DESCRIPTORS = 3


def main(arguments: Sequence[str]) -> None:
    """Fork a child for each request on the inherited socket until the pool closes it: SOCKET_FD PARENT_PID [MODULE...].

    A module that cannot be imported is left to the call that needs it.
    """
    channel_fd, parent_pid, *preload = arguments
    die_with(int(parent_pid))
    keep_secrets()
    with socket.socket(fileno=int(channel_fd)) as channel:
        channel.set_inheritable(False)
        for module in preload:
            try:
                importlib.import_module(module)
            except ImportError:
                traceback.print_exc()
        gc.collect()
        gc.freeze()  # else the first collection in each child would copy all that is shared
        channel.sendall(pack_frame(Kind.READY))
        _Stem(channel).serve()


class _Stem:
    """The children that live, and those of whose death the pool has not taken note yet."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._selector = selectors.DefaultSelector()
        self._selector.register(channel, selectors.EVENT_READ, self._hear)
        self._news: dict[int, socket.socket] = {}

    def serve(self) -> None:
        """Fork and bury until the pool hangs up."""
        with suppress(EOFError):
            while True:
                for key, _ in self._selector.select():
                    key.data()

    def _hear(self) -> None:
        request, descriptors, _, _ = socket.recv_fds(self._channel, 1, DESCRIPTORS)
        if not request:
            raise EOFError
        channel_fd, output_fd, news_fd = descriptors
        stem_pid = os.getpid()
        pid = os.fork()
        if pid == 0:
            os.close(news_fd)
            self._let_go()
            _be_a_child(stem_pid, channel_fd, output_fd)
        os.setpgid(pid, pid)  # before the pool knows of it, and may want to kill all that it started
        os.close(channel_fd)
        os.close(output_fd)
        self._news[pid] = socket.socket(fileno=news_fd)
        self._tell(pid, pid)
        pidfd = os.pidfd_open(pid)
        self._selector.register(pidfd, selectors.EVENT_READ, partial(self._tell_of_death, pid, pidfd))

    def _tell_of_death(self, pid: int, pidfd: int) -> None:
        """Tell the return code. Until the child is reaped nobody else can be given its number."""
        died = os.waitid(os.P_PIDFD, pidfd, os.WEXITED | os.WNOWAIT)
        assert died is not None, "its descriptor was readable"
        self._selector.unregister(pidfd)
        os.close(pidfd)
        self._tell(pid, died.si_status if died.si_code == os.CLD_EXITED else -died.si_status)
        self._selector.register(self._news[pid], selectors.EVENT_READ, partial(self._bury, pid))

    def _bury(self, pid: int) -> None:
        """Reap a child of whose death the pool has taken note."""
        news = self._news.pop(pid)
        self._selector.unregister(news)
        news.close()
        os.waitpid(pid, 0)

    def _tell(self, pid: int, number: int) -> None:
        with suppress(BrokenPipeError):  # the pool does not want to know any more
            self._news[pid].send(NEWS.pack(number))

    def _let_go(self) -> None:
        """Close, in a child, all that is the stem's."""
        for key in self._selector.get_map().values():
            if isinstance(key.fileobj, int):
                os.close(key.fileobj)
        self._selector.close()
        self._channel.close()
        for news in self._news.values():
            news.close()


def _be_a_child(stem_pid: int, channel_fd: int, output_fd: int) -> NoReturn:
    """Answer calls until the pool hangs up."""
    code = 1
    try:
        die_with(stem_pid)
        for standard in (sys.stdout, sys.stderr):
            os.dup2(output_fd, standard.fileno())
        os.close(output_fd)
        serve_calls(socket.socket(fileno=channel_fd))
        sys.stdout.flush()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


if __name__ == "__main__":
    main(sys.argv[1:])
