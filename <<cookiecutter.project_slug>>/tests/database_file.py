"""A SQLite file for each test process."""

import pytest


@pytest.fixture(scope="session")
def database_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of an empty database."""
    return f"sqlite:///{tmp_path_factory.mktemp('database') / 'test.db'}"
