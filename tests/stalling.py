"""A TCP proxy that can hold back everything, or hang up: what a network does to a scheduler and to a tracking server."""

import contextlib
import socket
import threading
from typing import Self


class Proxy:
    """Passes on what comes to ``port`` while ``open``; holds it back while it is not.

    Parameters
    ----------
    target
        Port on this computer.
    """

    def __init__(self, target: int):
        self.target = target
        self.open = threading.Event()
        self.open.set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._connections: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def stall(self) -> None:
        """Hold back everything from now on; connections stay."""
        self.open.clear()

    def cut(self) -> None:
        """Hold back everything and end all connections."""
        self.stall()
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._connections.clear()

    def heal(self) -> None:
        """Pass on again."""
        self.open.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        self.cut()
        self.heal()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                threading.Thread(target=self._connect, args=(near,), daemon=True).start()

    def _connect(self, near: socket.socket) -> None:
        self.open.wait()
        with contextlib.suppress(OSError):
            far = socket.create_connection(("127.0.0.1", self.target))
            self._connections += [near, far]
            threading.Thread(target=self._pass, args=(far, near), daemon=True).start()
            self._pass(near, far)

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while sent := source.recv(65536):
                self.open.wait()
                sink.sendall(sent)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
