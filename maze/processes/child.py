"""What a worker process runs, as a script: it can import nothing of maze before it was told where that is.

Not started by multiprocessing, which would run the user's main module again, and so asks every script for a guard; and
not a fork, since torch and the tracker have threads.
"""

from __future__ import annotations

import json
import signal
import socket
import struct
import sys

__all__ = ["STOP_SIGNALS", "main"]

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""They are meant for the owner, which ends its workers when it has finished its work in good order."""


def main() -> None:
    """Take the import path from the owner, and serve it."""
    for number in STOP_SIGNALS:
        signal.signal(number, lambda *_: None)  # rather than SIG_IGN, which would be passed on to a simulator's process
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
    connection = socket.socket(fileno=int(sys.orig_argv[-1]))
    connection.set_inheritable(False)
    with connection.makefile("rb", buffering=0) as stream:
        head = stream.read(4) or b""
        data = b""
        while head and len(data) < struct.unpack("<I", head)[0]:
            data += stream.read(struct.unpack("<I", head)[0] - len(data)) or b""
    told = json.loads(data)
    sys.path[:] = told["path"]

    from maze.processes.serving import serve  # noqa: PLC0415  (can be found only now)

    serve(connection, told["owner"])


if __name__ == "__main__":
    main()
