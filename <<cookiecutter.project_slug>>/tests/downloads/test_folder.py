"""Which folders may hold the downloads."""

from pathlib import Path

import pytest
from flask import Flask

from app.config import ConfigurationError
from app.downloads import files
from tests.conftest import MakeApp

PROJECT = Path(__file__).parents[2]


def test_a_relative_path_counts_from_the_project(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "DOWNLOAD_FOLDER", "docs")
    monkeypatch.chdir(tmp_path)
    with app.app_context():
        assert files.locate("guide.md") == PROJECT / "docs" / "guide.md"


def test_symbolic_links_are_resolved_first(make_app: MakeApp, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(PROJECT)
    with pytest.raises(ConfigurationError, match="DOWNLOAD_FOLDER must not hold the app itself"):
        make_app(DOWNLOAD_FOLDER=str(tmp_path / "link"))


def test_a_link_into_the_app_is_refused(make_app: MakeApp, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(PROJECT / "app" / "accounts")
    with pytest.raises(ConfigurationError, match="DOWNLOAD_FOLDER"):
        make_app(DOWNLOAD_FOLDER=str(tmp_path / "link"))


#: if cookiecutter.__backend == "sqlite"
def test_it_does_not_hold_the_database(make_app: MakeApp, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    database = f"sqlite:///{tmp_path / 'data' / 'shop.db'}"
    with pytest.raises(ConfigurationError, match="its database"):
        make_app(DATABASE_URL=database, DOWNLOAD_FOLDER=str(tmp_path))


#: endif
def test_emails_of_the_development_mailbox_cannot_be_downloaded(make_app: MakeApp) -> None:
    with pytest.raises(ConfigurationError, match="DOWNLOAD_FOLDER"):
        make_app(DOWNLOAD_FOLDER="instance/mail")
