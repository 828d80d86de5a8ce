"""A mail server for these tests."""

import pytest

from tests.accounts.mailing.shared import MailServer


@pytest.fixture
def mail_server(monkeypatch: pytest.MonkeyPatch) -> MailServer:
    """A mail server that can fail on demand."""
    return MailServer(monkeypatch)
