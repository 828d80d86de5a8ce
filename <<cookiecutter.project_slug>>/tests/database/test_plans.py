"""Requests find their rows by an index, however many there are."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from sqlalchemy import Connection, event

from app import jobs
from app.accounts import changes, recovery, store
from app.accounts.client import Client
from app.extensions import db
from app.jobs import queue

# Each process reads all hash methods once.
ONCE = "password_hash LIKE"


@contextmanager
def explained(app: Flask) -> Iterator[dict[str, list[str]]]:
    """Note each statement that reads or changes rows, and how the database would run it."""
    plans: dict[str, list[str]] = {}
    ran: dict[str, Any] = {}
    with app.app_context():
        engine = db.engine

    def note(_c: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if statement.startswith(("SELECT", "UPDATE", "DELETE")) and ONCE not in statement:
            ran[statement] = parameters

    event.listen(engine, "before_cursor_execute", note)
    yield plans
    event.remove(engine, "before_cursor_execute", note)
    with engine.connect() as connection:
        for statement, parameters in ran.items():
            plans[statement] = list(without_index(connection, statement, parameters))


def without_index(connection: Connection, statement: str, parameters: Any) -> Iterator[str]:
    """Yield what a statement would read from its beginning to its end."""
    dialect = connection.dialect.name
    #: if cookiecutter.__backend == "postgresql"
    if dialect == "postgresql":
        # Small tables are faster without an index.
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        for (line,) in connection.exec_driver_sql(f"EXPLAIN {statement}", parameters):
            if "Seq Scan" in line:
                yield line
    #: endif
    #: if cookiecutter.__backend == "mysql"
    if dialect in ("mysql", "mariadb"):
        for row in connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).mappings():
            if row["table"] and not row["possible_keys"]:
                yield row["table"]
    #: endif
    #: if cookiecutter.__backend == "sqlite"
    if dialect == "sqlite":
        for *_, step in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters):
            if step.startswith("SCAN"):
                yield step
    #: endif


def test_workers_find_their_jobs_by_an_index(app: Flask, account: str) -> None:
    with explained(app) as plans, app.app_context():
        recovery.mail_reset(account, Client())
        assert jobs.run_due(app) == 1
        assert queue.take(urgent_first=True) is None
        assert queue.seconds_late() == 0
    check(plans, "jobs")


def test_an_export_finds_its_rows_by_an_index(app: Flask, account: str) -> None:
    with explained(app) as plans, app.app_context():
        found = store.by_email(account)
        assert found is not None
        assert changes.export(found, Client())
    check(plans, "jobs", "sessions", "devices", "passkeys")


#: if cookiecutter.interface != "api"
def test_pages_find_their_rows_by_an_index(app: Flask, account: str) -> None:
    from tests.web.conftest import Browser

    browser = Browser(app)
    assert browser.sign_in(account).status_code == 303
    with explained(app) as plans:
        assert browser.get("/account").status_code == 200
        assert browser.get("/account/sessions").status_code == 200
        browser.submit("/account/sessions/revoke-others", page="/account/sessions")
        browser.submit("/logout", page="/account")
        assert browser.sign_in(account).status_code == 303
    check(plans)


#: endif
#: if cookiecutter.interface != "html"
def test_the_api_finds_its_rows_by_an_index(app: Flask, account: str) -> None:
    from tests.api.conftest import ApiClient

    api = ApiClient(app)
    api.sign_in(account)
    with explained(app) as plans:
        ada = api.sign_in(account)
        for line in (
            "GET /account",
            "GET /sessions",
            "DELETE /sessions",
            "DELETE /sessions/current",
        ):
            assert ada.call(line).status_code < 300
    check(plans)


#: endif
def check(plans: dict[str, list[str]], *tables: str) -> None:
    """Check that there are statements, of some tables or of all, and that none reads a whole table."""
    some = re.compile(rf"(FROM|UPDATE) ({'|'.join(tables)})\b" if tables else "")
    checked = {statement: plan for statement, plan in plans.items() if some.search(statement)}
    assert len(checked) > 3
    assert {statement: plan for statement, plan in checked.items() if plan} == {}
