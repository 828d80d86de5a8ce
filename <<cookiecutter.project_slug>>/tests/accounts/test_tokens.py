"""Tokens: random, stored only as hashes, and valid for one purpose and one address."""

from base64 import urlsafe_b64decode

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select, text

from app.accounts import sessions, store, tokens
from app.accounts.client import Client
from app.accounts.errors import InvalidToken, UsedToken
from app.accounts.models import Account, MailedToken, Session
from app.columns import now
from app.extensions import db

KIND = next(iter(sessions.IDLE_SETTINGS))


def owner(email: str) -> Account:
    """Return the account of an address."""
    account = store.by_email(email)
    assert account is not None
    return account


def test_a_token_has_256_random_bits_and_is_not_stored(app: Flask, account: str) -> None:
    with app.app_context():
        issued = {tokens.issue(owner(account), purpose, account) for purpose in tokens.LIFETIMES}
        issued |= {
            sessions.start(owner(account), KIND, Client(), factor_verified=False)[1]
            for _ in range(10)
        }
        db.session.commit()
        stored = ""
        for model in (Account, Session, MailedToken):
            stored += repr(db.session.execute(select(*model.__table__.columns)).all())
    assert len(issued) == len(tokens.LIFETIMES) + 10
    for token in issued:
        assert len(urlsafe_b64decode(token + "=")) == 32
        assert token not in stored
        assert tokens.digest(token) in stored


@pytest.mark.parametrize("purpose", tokens.LIFETIMES)
def test_a_token_only_works_for_its_purpose(app: Flask, account: str, purpose: str) -> None:
    with app.app_context():
        token = tokens.issue(owner(account), purpose, account)
        db.session.commit()
        for other in tokens.LIFETIMES.keys() - {purpose}:
            with pytest.raises(InvalidToken):
                tokens.find(token, other)
            with pytest.raises(InvalidToken):
                tokens.redeem(token, other)
        tokens.redeem(token, purpose)
        with pytest.raises(InvalidToken):
            tokens.redeem(token, purpose)


@pytest.mark.parametrize("purpose", ["confirm", "reset"])
def test_a_token_is_bound_to_the_address_it_was_sent_to(
    app: Flask, account: str, purpose: str
) -> None:
    with app.app_context():
        token = tokens.issue(owner(account), purpose, account)
        db.session.execute(text("UPDATE accounts SET email = 'moved@example.com'"))
        db.session.commit()
        db.session.expire_all()
        with pytest.raises(InvalidToken):
            tokens.find(token, purpose)


def test_a_used_token_says_so_while_the_account_has_its_address(app: Flask, account: str) -> None:
    with app.app_context():
        token = tokens.issue(owner(account), "confirm", account)
        tokens.redeem(token, "confirm")
        db.session.commit()
        with pytest.raises(UsedToken):
            tokens.find(token, "confirm")
        db.session.execute(text("UPDATE accounts SET email = 'moved@example.com'"))
        db.session.commit()
        db.session.expire_all()
        with pytest.raises(InvalidToken) as refused:
            tokens.find(token, "confirm")
    assert not isinstance(refused.value, UsedToken)


@pytest.mark.parametrize("purpose", tokens.LIFETIMES)
def test_a_token_expires(app: Flask, account: str, purpose: str) -> None:
    with app.app_context(), time_machine.travel(now(), tick=False) as clock:
        token = tokens.issue(owner(account), purpose, account)
        db.session.commit()
        clock.shift(app.config[tokens.LIFETIMES[purpose]] - 1)
        tokens.find(token, purpose)
        clock.shift(1)
        with pytest.raises(InvalidToken):
            tokens.find(token, purpose)
        with pytest.raises(InvalidToken):
            tokens.redeem(token, purpose)
