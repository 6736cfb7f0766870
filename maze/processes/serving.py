"""The work of a worker process: it makes one object, calls its methods when asked, and leaves with its owner."""

from __future__ import annotations

import os
import queue
import select
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from maze.processes.channel import Channel, Parts
from maze.processes.transfer import dumps, loads, report_of

__all__ = ["CALL", "ENDED", "FAILED", "QUIT", "RESULT", "STAYED", "serve"]

CALL, QUIT = b"c", b"q"
"""Requests: call a method, with a message; close the object and leave. All others are signals for the object."""
RESULT, FAILED, STAYED, ENDED = b"r", b"f", b"0", b"1"
"""Answers: a result, or an error, with a message; what the object said to a signal, False or True."""

_GRACE_SECONDS = 2.0


class _Attempt:
    """A block of somebody's own code, which keeps its error instead of raising it."""

    def __init__(self) -> None:
        self.error: BaseException | None = None

    def __enter__(self) -> _Attempt:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> bool:
        self.error = error
        return error is not None


def serve(connection: socket.socket, owner: int) -> None:
    """Serve until told to leave, or until the owner is gone.

    Args:
        connection: to the owner.
        owner: its process id.
    """
    threading.Thread(target=_leave_with, args=(connection.fileno(), owner), daemon=True).start()
    server = _Server(Channel(connection))
    try:
        server.run()
    except (EOFError, ConnectionError):  # the owner is gone, or has given this process up
        with _Attempt():
            server.close_object()


def _leave_with(descriptor: int, owner: int) -> None:
    """End this process soon after its owner has ended, whatever it is doing."""
    poller = select.poll()
    poller.register(descriptor, 0)  # tells only that the other end was closed
    while os.getppid() == owner and not poller.poll(1000):
        pass
    time.sleep(_GRACE_SECONDS)
    os._exit(1)


class _Server:
    """Answers requests, one after another."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._object: Any = None
        self._next: Callable[[], tuple[bytes, Parts]] = self._read

    def run(self) -> None:
        """Make the object and answer requests until told to leave."""
        self._channel.wait()
        parts = self._channel.receive()
        with _Attempt() as attempt:
            handover = loads(parts)
            sys.meta_path[:0] = handover.finders
            self._object = loads(handover.make)()
        self._answer(attempt, None)
        if attempt.error is not None:
            return
        if handover.queued:
            self._read_ahead()
        self._serve(getattr(self._object, "on_signal", None))

    def _serve(self, on_signal: Callable[[bytes], bool] | None) -> None:
        while True:
            code, parts = self._next()
            if code == QUIT:
                with _Attempt() as attempt:
                    self.close_object()
                self._answer(attempt, None)
                return
            result: Any = None
            if code == CALL or on_signal is None:
                with _Attempt() as attempt:
                    method, arguments = loads(parts)
                    result = getattr(self._object, method)(*arguments)
                self._answer(attempt, result)
                continue
            ended = False
            with _Attempt() as attempt:
                ended = on_signal(code)
            if attempt.error is not None:
                self._answer(attempt, None)
            else:
                self._channel.signal(ENDED if ended else STAYED)

    def _answer(self, attempt: _Attempt, result: Any) -> None:
        """Send a result or the error that came instead of it, be it that the result cannot be sent."""
        error, parts = attempt.error, None
        if error is None:
            with _Attempt() as packing:
                parts = dumps(result)
            error = packing.error
        if error is not None:
            self._channel.send(FAILED, dumps(report_of(error)))
        elif parts is not None:
            self._channel.send(RESULT, parts)

    def _read(self) -> tuple[bytes, Parts]:
        code = self._channel.wait()
        return code, self._channel.receive() if code == CALL else ()

    def _read_ahead(self) -> None:
        """Read requests in a thread from now on."""
        requests: queue.SimpleQueue[tuple[bytes, Parts] | None] = queue.SimpleQueue()

        def read() -> None:
            try:
                while True:
                    requests.put(self._read())
            except EOFError:
                requests.put(None)

        def following() -> tuple[bytes, Parts]:
            request = requests.get()
            if request is None:
                raise EOFError
            return request

        threading.Thread(target=read, daemon=True).start()
        self._next = following

    def close_object(self) -> None:
        """Close the object, if it was made and can be closed."""
        close = getattr(self._object, "close", None)
        self._object = None
        if close is not None:
            close()
