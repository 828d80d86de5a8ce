"""The documents name everything there is, and nothing else."""

import re
from pathlib import Path

from app import config
from app.accounts import events

DOCS = Path(__file__).parents[1] / "docs"


def first_column(name: str) -> set[str]:
    """Return what the tables of a document list in their first column."""
    rows = re.findall(r"^\| (`.*?) \|", (DOCS / name).read_text("utf-8"), re.MULTILINE)
    return {word for row in rows for word in re.findall(r"`([\w.]+)`", row)}


def check(name: str, there_are: set[str]) -> None:
    """Compare a document with the code."""
    missing, old = there_are - first_column(name), first_column(name) - there_are
    assert not missing, f"Add a row to a table of docs/{name} for: {missing}"
    assert not old, f"Remove from docs/{name}, since the code has no such name: {old}"


def test_every_setting_is_documented() -> None:
    check("settings.md", set(config.DEFAULTS))


def test_every_event_is_documented() -> None:
    check("events.md", set(events.EVENTS))
