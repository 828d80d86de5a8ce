"""A folder of files, and a browser that may download them."""

import re
from pathlib import Path

import pytest
from flask import Flask

from tests.web.conftest import Browser

CONTENT = b"0123456789"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with files that may be downloaded, and others that may not."""
    folder = tmp_path / "files"
    (folder / "sub").mkdir(parents=True)
    (folder / "digits.txt").write_bytes(CONTENT)
    (folder / "sub" / "ünicode & <b>.txt").write_bytes(b"x" * 2048)
    (folder / ".hidden").write_text("secret")
    (tmp_path / "outside.txt").write_text("secret")
    (folder / "link.txt").symlink_to(tmp_path / "outside.txt")
    (folder / "shown.txt").symlink_to(folder / ".hidden")
    return folder


@pytest.fixture
def reader(app: Flask, folder: Path, account: str, monkeypatch: pytest.MonkeyPatch) -> Browser:
    """A signed-in browser of an app that offers `folder`."""
    monkeypatch.setitem(app.config, "DOWNLOAD_FOLDER", str(folder))
    browser = Browser(app)
    browser.sign_in(account)
    return browser


def hrefs(page: str) -> list[str]:
    """Return the files that a page links to, without their folder."""
    return re.findall(r'href="/downloads/([^"?]+)"', page)
