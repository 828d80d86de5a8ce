"""Valid and invalid names and email addresses."""

import contextlib
import re
import unicodedata
from collections.abc import Callable

import pytest
from flask import Flask
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.accounts import fields, registration, store
from app.accounts.errors import InvalidInput
from app.accounts.fields import address_key, clean_email, clean_name
from app.accounts.models import EMAIL_LENGTH, NAME_LENGTH
from tests.conftest import PASSWORD, forget_all
from tests.work import normalized

# For what only calls a function: more examples cost little.
some = settings(max_examples=5 * settings().max_examples)
# One to three characters, which is enough for what combines and what falls apart.
local_parts = st.text(min_size=1, max_size=3)


def cleaned(address: str) -> str | None:
    """Return the address as it is stored, if it can be one."""
    try:
        return clean_email(address)
    except InvalidInput:
        return None


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
    "typed",
    ["ADA@example.com", " ada@EXAMPLE.com\n", "ada@ｅxample.com", "ａda@example.com",
     "ada＠example.com", "ada@example.com\u200b", "\ufeffada@example.com", "\u202aada@example.com\u202c",
     "\u2068ada@example.com\u2069", "ada@example.com\u00ad\u2060 \u200d"],
)  # fmt: skip
def test_an_address_may_be_written_in_several_ways(typed: str) -> None:
    assert clean_email(typed) == "ada@example.com"


def test_an_address_may_end_in_test() -> None:
    assert clean_email("ada@app.test") == "ada@app.test"


@pytest.mark.parametrize(
    "typed",
    ["", "ada", "ada@", "@example.com", "a b@example.com", "ada@example.com, eve@example.com",
     "ada@example.com\r\nBcc: eve@example.com", "ada\0@example.com",
     "\ud800@example.com", "ada@localhost", "<ada@example.com>",
     "a@b", f"{'a' * 65}@example.com", '"ada lovelace"@example.com', "ada@[192.0.2.1]",
     f"ada@{'a' * 64}.com", "a..b@example.com", ".ada@example.com", "ada@-example.com",
     "ada@example.c0", "a@b@example.com", "a\ufe6bb@example.com", "ada\u200b@example.com",
     f"{'a' * 64}@{'a' * 63}.{'a' * 63}.{'a' * 60}.com", " " * 250 + "ada@example.com",
     "=?x?q?ada?=@example.com", "=?utf-8?q?ada=40example.org=2c?=@example.com", "a\uff1d\uff1fb@example.com"],
)  # fmt: skip
def test_an_invalid_email_address_is_refused(typed: str) -> None:
    assert cleaned(typed) is None


def test_the_longest_address_is_accepted() -> None:
    email = f"{'a' * 64}@{'b' * 63}.{'b' * 63}.{'b' * 57}.com"
    assert len(email) == EMAIL_LENGTH
    assert cleaned(email) == email


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        (" Ada ", "Ada"),
        ("e\u0301", "é"),
        ('O\'Brien "the" \\ 🍪', 'O\'Brien "the" \\ 🍪'),
        ("عمر", "عمر"),
        ("👩‍👩‍👧", "👩‍👩‍👧"),
        ("नी", "नी"),
        # Longer in NFC: stored as typed, so that what was short enough stays so.
        ("\u0958" * NAME_LENGTH, "\u0958" * NAME_LENGTH),
        (" " * (NAME_LENGTH - 1) + "A", "A"),
        ("e\u0301" * (NAME_LENGTH // 2), "é" * (NAME_LENGTH // 2)),
    ],
)
def test_a_name_is_any_text_of_one_line(typed: str, name: str) -> None:
    assert clean_name(typed) == name


@pytest.mark.parametrize(
    "typed",
    ["", " \t", "a\nb", "a\0b", "a\u2028b", "a\x1bb", "\ud800", "a\udfff", "x" * (NAME_LENGTH + 1), "A\n",
     "e\u0301" * (NAME_LENGTH // 2 + 1), " " * NAME_LENGTH + "A", "\u0958" * (NAME_LENGTH + 1)],
)  # fmt: skip
def test_an_invalid_name_is_refused(typed: str) -> None:
    with pytest.raises(InvalidInput):
        clean_name(typed)


@pytest.mark.parametrize(
    "invisible",
    ["\ufeff", "\u200b", "\u202e", "\u3164", "\u2800", "\u00ad", "\u2060", "\u115f\u1160", "\uffa0",
     "\u034f", "\u061c", "\u180e", "\u17b4", "\ufe0f", "\u0301", "\u20e3", "\u2066\u2069", "\u3000",
     "\u00a0", "\ufffb", "\U000e0041", "\U000e0100", "\U0001d173"],
)  # fmt: skip
def test_a_name_needs_a_visible_character(invisible: str) -> None:
    for typed in (invisible, f" {invisible}{invisible} "):
        with pytest.raises(InvalidInput):
            clean_name(typed)
    assert clean_name(f"Ada{invisible}")


@pytest.mark.parametrize("pattern", [fields.NAME_PATTERN, fields.EMAIL_PATTERN])
def test_a_pattern_means_the_same_in_ecma_262(pattern: str) -> None:
    """Shorthands such as `\\s` differ, and groups such as `(?P<name>` only exist in Python."""
    for escape in re.findall(r"\\(u[0-9A-F]{4}|.)", pattern):
        assert len(escape) == 5 or escape == "."
    for group in re.findall(r"\(\?[^!:]*", pattern):
        assert group == "(?"
    assert "[:" not in pattern
    assert (pattern[0], pattern[-1]) == ("^", "$")


# What has a meaning in a name or an address, or is close to it.
characters = st.sampled_from(
    [*'aZ09.-_@ +"\n\t\x00\x85', *"é\u0301\u0958\u200b\ufeff\u3164\u2028\u00a0＠．。ﷺß中🍪", ".com"]
)
texts = st.one_of(
    st.lists(characters, max_size=20).map("".join), st.text(max_size=110), st.just("a" * 60)
)


@some
@given(typed=texts)
def test_a_name_is_accepted_exactly_where_the_pattern_matches(typed: str) -> None:
    valid = len(typed) <= NAME_LENGTH and bool(re.fullmatch(fields.NAME_PATTERN, typed))
    try:
        stored = clean_name(typed)
    except InvalidInput:
        assert not valid or max(typed) >= "\ud800"
    else:
        assert valid
        assert clean_name(stored) == stored


@some
@given(local=local_parts, at=st.sampled_from("@＠ "), domain=local_parts)
@example(local="ada", at="＠", domain="example")
@example(local="ａda", at="@", domain="example")
@example(local="ada", at="@", domain="example。")
def test_an_address_is_accepted_only_where_the_pattern_matches(
    local: str, at: str, domain: str
) -> None:
    typed = f"{local}{at}{domain}.com"
    stored = cleaned(typed)
    if stored is not None:
        assert re.fullmatch(fields.EMAIL_PATTERN, typed)
        assert cleaned(stored) == stored


@some
@given(
    typed=st.from_regex(fields.EMAIL_PATTERN, fullmatch=True, alphabet=st.characters(codec="ascii"))
)
def test_an_ascii_address_is_accepted_wherever_the_pattern_matches(typed: str) -> None:
    if len(typed) <= EMAIL_LENGTH and not re.search(r"(?i)@(.*[.])?xn--", typed):
        assert cleaned(typed) is not None


@pytest.mark.parametrize("clean", [clean_name, clean_email, address_key, store.by_email])
def test_a_long_text_is_never_normalized(clean: Callable[[str], object]) -> None:
    """Normalizing 30,000 combining marks takes seconds."""
    longest = max(EMAIL_LENGTH, NAME_LENGTH)
    with normalized() as texts:
        for typed in ("\u0301" * 30_000, "\u0301" * (longest - 3) + "@x.y", "a" * (longest + 1)):
            with contextlib.suppress(InvalidInput):
                clean(typed)
    assert texts == []
