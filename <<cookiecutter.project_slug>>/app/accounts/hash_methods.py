"""Know which hash methods the stored passwords were made by.

After a change of PASSWORD_HASH_METHOD a hash keeps its method until its owner signs in. Verifying
it would take another time than verifying nobody's, and tell which addresses have an account.
"""

from typing import cast

from flask import current_app
from sqlalchemy import select

from app.accounts.models import Account
from app.extensions import db


def of(stored: str) -> str:
    """Return method and cost of a hash, such as `scrypt:32768:8:3`."""
    return stored.partition("$")[0]


def in_use(stored: str | None = None) -> list[str]:
    """Return the methods of all stored hashes and the one that is set, in a fixed order.

    They are looked up once in each process, since a new one comes with a restart, and again after
    `stored` had one that was not known: another process runs with another setting.
    """
    known = cast(dict[str, set[str]], current_app.extensions.setdefault("hash_methods", {}))
    setting = current_app.config["PASSWORD_HASH_METHOD"]
    methods = known.get(setting) or known.setdefault(setting, _find({setting}))
    if stored is not None and of(stored) not in methods:
        if "$" in stored:  # one without a method is not looked for
            known.clear()
        methods = {*methods, of(stored)}
    return sorted(methods)


def _find(methods: set[str]) -> set[str]:
    """Return `methods`, and every other one that an account has."""
    # A connection of its own: the caller's transaction has yet to begin.
    with db.engine.connect() as connection:
        while True:
            # One without a method, such as an imported one, would be found again and again.
            query = select(Account.password_hash).where(Account.password_hash.like("%$%")).limit(1)
            for method in methods:
                query = query.where(Account.password_hash.not_like(f"{method}$%"))
            stored = connection.scalar(query)
            if stored is None:
                return methods
            methods = {*methods, of(stored)}
