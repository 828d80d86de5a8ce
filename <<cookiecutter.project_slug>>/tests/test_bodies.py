"""Bodies of requests: received when they are asked for, and not for longer than allowed."""

import io
import socket
from collections.abc import Iterator
from threading import Timer
from typing import Any

import pytest
from flask import Flask, request
from flask.testing import EnvironBuilder, FlaskClient
from werkzeug.exceptions import BadRequest, RequestTimeout
from werkzeug.test import run_wsgi_app

from app import bodies, deadlines
from app.bodies import Body
from tests.conftest import MakeApp

LIMIT = 64 * 1024
FORM = {"CONTENT_TYPE": "application/x-www-form-urlencoded"}
CHUNKED = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}


class Stream(io.BytesIO):
    """A body that counts how often it is read."""

    reads = 0

    def read(self, size: int | None = -1) -> bytes:
        """Read, and count."""
        self.reads += 1
        return super().read(size)


@pytest.fixture
def echo(make_app: MakeApp) -> Flask:
    """An app with a page that tells the length of the body it was sent."""
    app = make_app()
    app.add_url_rule("/length", "length", lambda: str(len(request.get_data())))
    return app


def send(app: Flask, stream: io.BytesIO, **environ: Any) -> tuple[int, bytes]:
    """Return the status and body of the response to a body of any kind, sent to `/length`."""
    sent = EnvironBuilder(app, "/length").get_environ()
    sent |= {"wsgi.input": stream, **environ}
    answer, status, _ = run_wsgi_app(app.wsgi_app, sent, buffered=True)
    return int(status.split()[0]), b"".join(answer)


def test_patience_is_not_lost_where_no_thread_can_start(
    echo: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(deadlines, "start", fail)
    left, right = socket.socketpair()
    with left, right:
        for _ in range(bodies.PATIENT_THREADS + 1):
            sent = {"CONTENT_LENGTH": "1", "gunicorn.socket": left}
            with pytest.raises(RuntimeError):
                send(echo, io.BytesIO(b"x"), **sent)
    assert all(bodies._patience.acquire(blocking=False) for _ in range(bodies.PATIENT_THREADS))
    bodies._patience.release(bodies.PATIENT_THREADS)


@pytest.mark.parametrize("in_chunks", [False, True])
@pytest.mark.parametrize(("length", "status"), [(1, 200), (LIMIT, 200), (LIMIT + 1, 413)])
def test_a_body_is_measured(echo: Flask, length: int, status: int, in_chunks: bool) -> None:
    environ = CHUNKED if in_chunks else {"CONTENT_LENGTH": str(length)}
    answer = send(echo, io.BytesIO(b"x" * length), **environ)
    assert answer[0] == status
    if status == 200:
        assert answer[1] == str(length).encode()


@pytest.mark.parametrize("in_chunks", [False, True])
@pytest.mark.parametrize(("length", "status"), [(LIMIT + 1, 200), (2 * LIMIT + 1, 413)])
def test_a_feature_may_allow_more(echo: Flask, length: int, status: int, in_chunks: bool) -> None:
    def allow(endpoint: str | None, _: object) -> None:
        if endpoint == "length":
            request.max_content_length = 2 * LIMIT

    echo.url_value_preprocessors.setdefault(None, []).append(allow)
    environ = CHUNKED if in_chunks else {"CONTENT_LENGTH": str(length)}
    assert send(echo, io.BytesIO(b"x" * length), **environ)[0] == status


@pytest.mark.parametrize("in_chunks", [False, True])
def test_a_form_may_be_as_long_as_any_body(make_app: MakeApp, in_chunks: bool) -> None:
    app = make_app()
    app.add_url_rule("/length", "length", lambda: request.form["a"][:1])
    start, end = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n', b"\r\n--x--"
    body = start + b"x" * (LIMIT - len(start) - len(end)) + end
    environ: dict[str, Any] = {"CONTENT_TYPE": "multipart/form-data; boundary=x"}
    environ |= CHUNKED if in_chunks else {"CONTENT_LENGTH": str(LIMIT)}
    assert send(app, io.BytesIO(body), **environ) == (200, b"x")


@pytest.mark.parametrize(
    ("sent", "environ", "goes_on"),
    [
        (b"", {"wsgi.input_terminated": True}, True),
        (b"x" * 1000, {"CONTENT_LENGTH": "1000"}, True),
        (b"x" * 1000, CHUNKED, True),
        (b"x" * 2 * bodies.DISCARDED_LENGTH, CHUNKED, False),
    ],
    ids=["none", "length", "chunks", "endless"],
)
def test_the_connection_takes_the_next_request_unless_the_body_was_cut_off(
    app: Flask, sent: bytes, environ: dict[str, Any], goes_on: bool
) -> None:
    client, server = socket.socketpair()
    with client, server:
        values = EnvironBuilder(app, "/no-such-page", method="POST").get_environ() | environ
        values |= {"wsgi.input": io.BytesIO(sent), "gunicorn.socket": server}
        run_wsgi_app(app.wsgi_app, values, buffered=True)
        client.settimeout(60)
        server.setblocking(False)
        try:
            client.sendall(b"next")
            received = server.recv(4)
        except OSError:
            received = b""
        assert (received == b"next") is goes_on


def test_a_body_that_ends_early_is_refused(echo: Flask) -> None:
    assert send(echo, io.BytesIO(b"x"), CONTENT_LENGTH="2")[0] == 400


def test_a_length_of_too_many_digits_is_too_large(echo: Flask) -> None:
    assert send(echo, io.BytesIO(b"x"), CONTENT_LENGTH="9" * 5000)[0] == 413
    assert send(echo, io.BytesIO(b"x"), CONTENT_LENGTH="0" * 5000 + "1") == (200, b"1")


def test_a_malformed_body_is_refused(echo: Flask) -> None:
    class Malformed(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError("invalid chunk size")

    assert send(echo, Malformed(), **CHUNKED)[0] == 400


def test_an_endless_body_is_not_waited_for(client: FlaskClient) -> None:
    environ = EnvironBuilder(client.application, "/healthz", method="POST").get_environ()
    environ["wsgi.input"] = None  # reading it would fail
    _, status, _ = run_wsgi_app(client.application.wsgi_app, environ, buffered=True)
    assert status.startswith("405")


@pytest.mark.parametrize(
    ("method", "path", "environ", "status"),
    [
        ("POST", "/no-such-page", FORM, 404),
        ("POST", "/healthz", FORM, 405),
        ("GET", "/healthz", {}, 200),
        #: if cookiecutter.interface != "api"
        ("POST", "/login", {"HTTP_HOST": "evil.example"}, 400),
        ("POST", "/login", {"HTTP_ACCEPT": "a" * 40_000}, 431),
        ("PUT", "/login", {}, 405),
        #: endif
        #: if cookiecutter.interface != "html"
        ("POST", "/api/v1/sessions", {"HTTP_HOST": "evil.example"}, 400),
        ("POST", "/api/v1/sessions", {"HTTP_ACCEPT": "a" * 40_000}, 431),
        ("POST", "/api/v1/sessions", {"CONTENT_TYPE": "text/plain"}, 415),
        ("POST", "/api/v1/sessions", FORM, 415),
        ("PATCH", "/api/v1/account", FORM, 401),
        ("PATCH", "/api/v1/account", {"CONTENT_TYPE": "application/json"}, 401),
        #: endif
    ],
)
@pytest.mark.parametrize("in_chunks", [False, True])
def test_other_refusals_come_before_the_body_is_read(
    app: Flask, method: str, path: str, environ: dict[str, str], status: int, in_chunks: bool
) -> None:
    stream = Stream(b"x" * 1000)
    sent = EnvironBuilder(app, path, method=method).get_environ() | environ
    sent |= CHUNKED if in_chunks else {"CONTENT_LENGTH": "1000"}
    sent["wsgi.input"] = stream
    statuses: list[str] = []
    answer = app.wsgi_app(sent, lambda line, *_: statuses.append(line))  # type: ignore[arg-type]
    assert b"".join(answer)
    assert statuses[0].startswith(str(status))
    assert stream.reads == 0
    # With unread data the server would reset the connection, and a proxy would answer with 502.
    answer.close()  # type: ignore[attr-defined]
    assert stream.tell() == 1000


def test_only_part_of_an_endless_body_is_discarded(echo: Flask) -> None:
    stream = Stream(b"x" * 3 * bodies.DISCARDED_LENGTH)
    assert send(echo, stream, CONTENT_LENGTH=str(3 * bodies.DISCARDED_LENGTH))[0] == 413
    assert stream.tell() == bodies.DISCARDED_LENGTH


@pytest.fixture
def connection() -> Iterator[tuple[socket.socket, socket.socket]]:
    """The client's and the server's end of a connection."""
    client, server = socket.socketpair()
    # A test without the deadline it is about gets the rest of the body, and fails.
    late = Timer(60, client.sendall, [b"x" * 10])
    late.start()
    with client, server:
        yield client, server
        assert late.is_alive()
        late.cancel()


def arriving_at(server: socket.socket, seconds: float) -> Body:
    """Return a body of ten bytes that arrives on a connection."""
    environ = {
        "wsgi.input": server.makefile("rb"),
        "gunicorn.socket": server,
        "CONTENT_LENGTH": "10",
    }
    return Body(environ, LIMIT, seconds)


def test_a_body_that_arrives_too_slowly_is_refused(
    connection: tuple[socket.socket, socket.socket],
) -> None:
    client, server = connection
    client.send(b"x")
    with pytest.raises(RequestTimeout):
        arriving_at(server, 0.05).read()
    # The response can still be sent.
    server.sendall(b"408")
    assert client.recv(3) == b"408"


def test_a_chunk_that_is_cut_off_by_the_deadline_counts_as_too_slow(
    connection: tuple[socket.socket, socket.socket],
) -> None:
    class Chunks(io.BytesIO):
        """A body that the server can't read on once nothing more arrives."""

        def read(self, _size: int | None = -1) -> bytes:
            """Wait, and fail."""
            assert connection[1].recv(1) == b""
            raise ValueError("invalid chunk")

    environ = {"wsgi.input": Chunks(), "gunicorn.socket": connection[1], "CONTENT_LENGTH": "10"}
    with pytest.raises(RequestTimeout):
        Body(environ, LIMIT, 0.05).read()


def test_a_body_that_times_out_in_the_server_counts_as_too_slow(
    connection: tuple[socket.socket, socket.socket],
) -> None:
    connection[1].settimeout(0.05)
    with pytest.raises(RequestTimeout):
        arriving_at(connection[1], 60 * 60).read()


def test_a_few_slow_bodies_leave_threads_for_others(
    connection: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "IMPATIENT_SECONDS", 0.05)
    for _ in range(bodies.PATIENT_THREADS):
        assert bodies._patience.acquire(blocking=False)
    try:
        with pytest.raises(RequestTimeout):
            arriving_at(connection[1], 60 * 60).read()
    finally:
        bodies._patience.release(bodies.PATIENT_THREADS)


def test_the_allowance_for_slow_bodies_is_returned(
    connection: tuple[socket.socket, socket.socket],
) -> None:
    client, server = connection
    for _ in range(2 * bodies.PATIENT_THREADS):
        client.send(b"x" * 10)
        assert arriving_at(server, 60 * 60).read() == b"x" * 10
    client.close()
    with pytest.raises(BadRequest):
        arriving_at(server, 60 * 60).read()


def test_a_body_that_nobody_reads_is_not_waited_for(
    connection: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "DISCARD_SECONDS", 0.05)
    client, server = connection
    client.send(b"x")
    arriving_at(server, 60 * 60).discard()
    assert server.recv(10) == b""
