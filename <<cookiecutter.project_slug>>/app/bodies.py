"""Receive the body of a request: only when a view asks for it, and not for longer than allowed.

A body that does not arrive holds a thread of the server. Two of a process's threads wait for slow
bodies, the others give up soon, so that a few stalled requests cannot stop the app. A proxy that
buffers requests keeps slow ones away altogether (docs/operations.md).
"""

import io
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import BoundedSemaphore
from typing import TYPE_CHECKING

from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, RequestTimeout

from app import deadlines

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from _typeshed.wsgi import WSGIEnvironment

PATIENT_THREADS = 2
IMPATIENT_SECONDS = 1
# A body that nobody asked for is still read up to here after the response: with unread data the
# server would reset the connection, which a proxy reports as 502. nginx takes 1 MiB by default.
DISCARDED_LENGTH = 1024 * 1024
DISCARD_SECONDS = 2
# Python converts no number of thousands of digits.
MAX_DIGITS = 18

_patience = BoundedSemaphore(PATIENT_THREADS)


class Body(io.RawIOBase):
    """The stream `wsgi.input`. Reading it receives the whole body, which is small.

    Args:
        environ: The request's environment.
        max_length: The longest body in bytes.
        seconds: How long the whole of it may take to arrive.
    """

    def __init__(self, environ: "WSGIEnvironment", max_length: int, seconds: float) -> None:
        self._stream = environ["wsgi.input"]
        # Servers other than gunicorn have time limits of their own.
        self._socket: socket.socket | None = environ.get("gunicorn.socket")
        length = environ.get("CONTENT_LENGTH") or ""
        if len(length) > MAX_DIGITS:  # also the first of them are too large a number
            length = environ["CONTENT_LENGTH"] = length.lstrip("0")[:MAX_DIGITS]
        self._length = int(length) if length.isdecimal() else None
        self.max_length = max_length
        self._seconds = seconds
        self._received: io.BytesIO | None = None
        self._timed_out = False
        # gunicorn sets `wsgi.input_terminated` for every request, also for one without a body.
        in_chunks = self._length is None and environ.get("wsgi.input_terminated", False)
        in_chunks &= "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower()
        self.expected = bool(self._length) or in_chunks

    def readable(self) -> bool:
        """Tell that this stream can be read."""
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Read into a buffer. Raises RequestEntityTooLarge, RequestTimeout, BadRequest."""
        if self._received is None:
            self._received = io.BytesIO(self._receive())
        return self._received.readinto(buffer)

    def discard(self) -> None:
        """Read on for a while if the body was not received. What is longer is cut off."""
        if self._received is not None:
            return
        left, ended = min(DISCARDED_LENGTH, self._length or DISCARDED_LENGTH), False
        with self._deadline(DISCARD_SECONDS), suppress(BadRequest):
            while left > 0 and not ended:
                data = self._read(min(left, self.max_length))
                left, ended = left - len(data), not data
        # A body that was read to its end leaves the connection fit for the next request.
        if not ended and (self._length is None or self._length > DISCARDED_LENGTH):
            self._stop()

    def _receive(self) -> bytes:
        if self._length is not None and self._length > self.max_length:
            raise RequestEntityTooLarge
        wanted = self.max_length + 1 if self._length is None else self._length
        with self._deadline(self._seconds):
            body = self._read(wanted)
        if self._timed_out:
            raise RequestTimeout
        if len(body) > self.max_length:
            raise RequestEntityTooLarge
        if self._length is not None and len(body) < self._length:
            raise BadRequest("The request's body ended early.")
        return body

    def _read(self, length: int) -> bytes:
        try:
            return bytes(self._stream.read(length))
        except TimeoutError:  # the server has a time limit of its own
            self._timed_out = True
            return b""
        except Exception:  # whatever the server finds wrong with a chunk
            if self._timed_out:
                return b""
            raise BadRequest("The request's body is malformed.") from None

    @contextmanager
    def _deadline(self, seconds: float) -> Iterator[None]:
        """Let reading come to an end after a number of seconds, however slowly data arrives."""
        if self._socket is None:
            yield
            return
        patient = _patience.acquire(blocking=False)
        try:
            with deadlines.within(seconds if patient else IMPATIENT_SECONDS, self._time_out):
                yield
        finally:
            if patient:
                _patience.release()

    def _time_out(self) -> None:
        self._timed_out = True
        self._stop()

    def _stop(self) -> None:
        """Receive nothing more on this connection; the response can still be sent."""
        if self._socket is not None:
            with suppress(OSError):
                # Not the method of an SSL socket, which would stop encrypting as well.
                socket.socket.shutdown(self._socket, socket.SHUT_RD)
