"""A line to a service on loopback that can be cut and mended, as a cable or a wireless network is."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_PIECE = 65_536


class Line:
    """Passes bytes on in both ways. While it is cut, what was open is broken and nothing new gets through."""

    def __init__(self, port: int) -> None:
        self._target = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()
        self._whole = True

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def cut(self) -> None:
        with self._guard:
            self._whole = False
            for end in self._open:
                _break(end)
            self._open.clear()

    def mend(self) -> None:
        with self._guard:
            self._whole = True

    def serve(self) -> None:
        """Until `close`."""
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            self._connect(near)

    def close(self) -> None:
        # A thread that waits in accept() isn't woken by close() alone.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def _connect(self, near: socket.socket) -> None:
        with self._guard:
            if not self._whole:
                _break(near)
                return
            far = socket.create_connection(self._target)
            self._open |= {near, far}
        for source, sink in ((near, far), (far, near)):
            threading.Thread(target=_pass_on, args=(source, sink), daemon=True).start()


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(_PIECE):
            sink.sendall(piece)
    _break(source)
    _break(sink)


def _break(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()


@contextmanager
def line_to(port: int) -> Iterator[Line]:
    line = Line(port)
    thread = threading.Thread(target=line.serve)
    thread.start()
    try:
        yield line
    finally:
        line.close()
        thread.join()
