"""Signals of one byte, and messages of any size, over one socket between two processes."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Callable, Sequence
from typing import TypeAlias

__all__ = ["Channel", "Parts"]

Parts: TypeAlias = Sequence[bytes | bytearray | memoryview]
"""A pickle, and the buffers that it left out."""

_LENGTH = struct.Struct("<Q")
_PATIENCE = struct.Struct("ll")


class Channel:
    """One end of a connection.

    Args:
        connection: a stream socket, which belongs to this object from now on.
        on_silence: is called after every second in which nothing came that is waited for; may raise. None waits on.
    """

    def __init__(self, connection: socket.socket, on_silence: Callable[[], None] | None = None) -> None:
        self._socket = connection
        self._descriptor = connection.fileno()
        self._on_silence = on_silence
        if on_silence is not None:  # an option of the socket, since Python's own time limits cost a call a read
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _PATIENCE.pack(1, 0))

    def fileno(self) -> int:
        """Return the socket's descriptor, to wait for."""
        return self._descriptor

    def signal(self, code: bytes) -> None:
        """Send one byte.

        Raises:
            ConnectionError: the other end is closed.
        """
        os.write(self._descriptor, code)

    def wait(self) -> bytes:
        """Return the next byte.

        Raises:
            EOFError: the other end is closed.
        """
        while True:
            try:
                code = os.read(self._descriptor, 1)
            except BlockingIOError:
                self._be_patient()
                continue
            except ConnectionError as error:
                raise EOFError from error
            if not code:
                raise EOFError
            return code

    def send(self, code: bytes, parts: Parts) -> None:
        """Send one byte and a message.

        Raises:
            ConnectionError: the other end is closed.
        """
        lengths = [memoryview(part).nbytes for part in parts]
        head = b"".join(_LENGTH.pack(length) for length in (len(parts), *lengths))
        self._socket.sendall(code + head)
        for part in parts:
            self._socket.sendall(part)

    def receive(self) -> list[bytearray]:
        """Return the message whose byte `wait` returned.

        Raises:
            EOFError: the other end is closed.
        """
        (count,) = _LENGTH.unpack(self._exactly(_LENGTH.size))
        lengths = [_LENGTH.unpack(self._exactly(_LENGTH.size))[0] for _ in range(count)]
        return [self._exactly(length) for length in lengths]

    def _exactly(self, length: int) -> bytearray:
        """Return as many bytes."""
        data = bytearray(length)
        missing = memoryview(data)
        while missing:
            try:
                n_read = self._socket.recv_into(missing)
            except BlockingIOError:
                self._be_patient()
                continue
            except ConnectionError as error:
                raise EOFError from error
            if not n_read:
                raise EOFError
            missing = missing[n_read:]
        return data

    def _be_patient(self) -> None:
        if self._on_silence is not None:
            self._on_silence()

    def close(self) -> None:
        """Close this end, which the other one notices."""
        self._socket.close()
