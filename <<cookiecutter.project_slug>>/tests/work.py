"""What can be seen of a response and what it costs: the same for known and unknown addresses."""

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import Any, Literal

import pytest
from flask import Flask
from sqlalchemy import event
from werkzeug.test import TestResponse

from app.extensions import db


def visible_headers(response: TestResponse) -> list[tuple[str, str]]:
    """Return the headers without what is random: the request's ID, and the values of cookies."""
    return [
        (name, re.sub(r"=[^;]*", "=", value, count=1) if name == "Set-Cookie" else value)
        for name, value in response.headers
        if name != "X-Request-ID"
    ]


@contextmanager
def counted(app: Flask) -> Iterator[list[str]]:
    """Notes every hash that is made, with its cost, and every statement that this thread runs."""
    work: list[str] = []
    thread = get_ident()
    scrypt = hashlib.scrypt

    def note_hash(*args: Any, **options: Any) -> bytes:
        work.append(f"scrypt:{options['n']}:{options['r']}:{options['p']}")
        return scrypt(*args, **options)

    def note_statement(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if get_ident() == thread:
            work.append(statement)

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note_statement)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hashlib, "scrypt", note_hash)
        yield work
    event.remove(engine, "before_cursor_execute", note_statement)


@contextmanager
def normalized() -> Iterator[list[str]]:
    """Note every text that is brought into one of Unicode's normal forms."""
    texts: list[str] = []
    normalize = unicodedata.normalize

    def note(form: Literal["NFC", "NFD", "NFKC", "NFKD"], text: str) -> str:
        texts.append(text)
        return normalize(form, text)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(unicodedata, "normalize", note)
        yield texts


def statements(app: Flask, get: Callable[[str], TestResponse], path: str) -> int:
    """Return how many statements a path takes, once its templates are compiled."""
    get(path)
    with counted(app) as work:
        assert get(path).status_code < 400
    return len(work)
