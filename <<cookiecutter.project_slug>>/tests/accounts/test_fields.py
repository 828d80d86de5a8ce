"""What names and addresses may be."""

import unicodedata

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.accounts import registration, store
from app.accounts.errors import InvalidInput
from app.accounts.fields import clean_email, clean_name
from tests.conftest import PASSWORD, forget_all

some = settings(
    max_examples=100,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much],
)
# One to three characters, which is enough for what combines and what falls apart.
local_parts = st.text(min_size=1, max_size=3)


def cleaned(address: str) -> str | None:
    """The address as it is stored, if it can be one."""
    try:
        return clean_email(address)
    except InvalidInput:
        return None


@some
@given(local_part=local_parts)
def test_an_address_is_stored_in_the_form_that_finds_it_again(app: Flask, local_part: str) -> None:
    typed = f"a{local_part}@example.com"
    email = cleaned(typed)
    if email is not None:
        forget_all(app)
        with app.app_context():
            account = registration.create("Ada", email, PASSWORD)
            assert account is not None
            for way in (typed, email, typed.lower(), unicodedata.normalize("NFKC", typed)):
                found = store.by_email(way)
                assert found is not None
                assert found.email == email
            assert registration.create("Ada", email, PASSWORD) is None


@pytest.mark.parametrize(
    "typed", ["ADA@example.com", " ada@EXAMPLE.com\n", "ada@ｅxample.com", "ａda@example.com"]
)
def test_an_address_may_be_written_in_several_ways(typed: str) -> None:
    assert clean_email(typed) == "ada@example.com"


@pytest.mark.parametrize(
    "typed",
    ["", "ada", "ada@", "@example.com", "a b@example.com", "ada@example.com, eve@example.com",
     "ada@example.com\r\nBcc: eve@example.com", "ada\0@example.com",
     "\ud800@example.com", "ada@localhost", "<ada@example.com>"],
)  # fmt: skip
def test_what_is_no_address(typed: str) -> None:
    assert cleaned(typed) is None


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        (" Ada ", "Ada"),
        ("e\u0301", "é"),
        ('O\'Brien "the" \\ 🍪', 'O\'Brien "the" \\ 🍪'),
        ("عمر", "عمر"),
    ],
)
def test_a_name_is_any_text_of_one_line(typed: str, name: str) -> None:
    assert clean_name(typed) == name


@pytest.mark.parametrize(
    "typed", ["", " \t", "a\nb", "a\0b", "a\u2028b", "a\x1bb", "\ud800", "x" * 101]
)
def test_what_is_no_name(typed: str) -> None:
    with pytest.raises(InvalidInput):
        clean_name(typed)
