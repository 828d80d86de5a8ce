"""Check, hash and verify passwords.

Length and no composition rules: NIST SP 800-63B-4, section 3.1.1. zxcvbn estimates how easy a
password is to guess. The cost of the hash: OWASP's Password Storage Cheat Sheet.
"""

import re
import unicodedata
from threading import Lock

from flask import current_app
from werkzeug.security import check_password_hash, generate_password_hash

from app.accounts import hash_methods, limits
from app.accounts.client import Client
from app.accounts.errors import InvalidInput
from app.config import LONGEST_PASSWORD

# zxcvbn tries every reading of the characters that may stand for a letter, in every part of the
# password: 72 characters, its own maximum, can take seconds. With these bounds the worst case found
# takes a quarter of the time of the default hash (docs/security.md, "What costs").
ESTIMATED_LENGTH = 32
ESTIMATED_LENGTH_WITH_SUBSTITUTES = 12
SUBSTITUTES = frozenset("4@8({[<3691!|70$5+%2")
MAX_SUBSTITUTES = 8
# A shorter part of a name or an email address is found in too many good passwords.
OWN_WORD_LENGTH = 3
SEPARATORS = re.compile(r"[\W_]+")
# What OpenSSL says in a ValueError, like everything else.
OUT_OF_MEMORY = "malloc failure"

# zxcvbn keeps the person's own words in a table that all threads share.
_estimating = Lock()


def normalize(typed: str) -> str:
    """Return one form for all ways to type a password: NFKC, lone surrogates replaced."""
    encoded = unicodedata.normalize("NFKC", typed).encode("utf-8", "replace")
    return encoded.decode("utf-8")


def check_length(typed: str) -> None:
    """Check the number of code points, as typed and as normalized: NFKC makes 18 of one `ﷺ`.

    Raises:
        InvalidInput: on `password`.
    """
    shortest = current_app.config["PASSWORD_MIN_LENGTH"]
    longest = current_app.config["PASSWORD_MAX_LENGTH"]
    if len(typed) > longest:
        raise InvalidInput({"password": [f"Use at most {longest} characters."]})
    normalized = len(normalize(typed))
    if min(len(typed), normalized) < shortest:
        raise InvalidInput({"password": [f"Use at least {shortest} characters."]})
    if normalized > longest:
        raise InvalidInput(
            {"password": [f"Use at most {longest} characters. Some of these count as several."]}
        )


def check(typed: str, own_words: list[str], client: Client | None = None) -> None:
    """Check a new password against the policy.

    Args:
        typed: The password.
        own_words: The person's name and email address. Like the app's name, they are easy to
            guess.
        client: Who the time that this takes is counted for; nobody, on the command line.

    Raises:
        InvalidInput: on `password`.
        LimitReached: when the client has had too many passwords checked.
    """
    check_length(typed)
    if client is not None:
        limits.spend_new_password(client)
    password = normalize(typed)
    words = _own_words([*own_words, current_app.config["APP_NAME"]])
    if _score(_without(words, password), words) < current_app.config["PASSWORD_MIN_SCORE"]:
        raise InvalidInput(
            {"password": ["This password is easy to guess. Use a few unrelated words in a row."]}
        )


def hash_password(typed: str) -> str:
    """Return the hash to store; it names its method, cost and salt."""
    hash_methods.in_use()  # looked up before anyone signs in with it
    return generate_password_hash(normalize(typed), current_app.config["PASSWORD_HASH_METHOD"])


def verify(typed: str, stored: str | None) -> bool:
    """Tell whether a password matches a hash.

    This takes one hash for each method that any account still has, whichever this account has
    and whether there is one at all: the time tells nothing. Raises MemoryError.
    """
    password = normalize(typed[:LONGEST_PASSWORD])
    matches: bool = False
    for method in hash_methods.in_use(stored):
        nobodys = f"{method}$salt$"
        compared = stored if stored and hash_methods.of(stored) == method else nobodys
        try:
            matches |= check_password_hash(compared, password)
        except ValueError as error:
            if OUT_OF_MEMORY in str(error):
                raise MemoryError("There is not enough memory to hash a password.") from None
            # Werkzeug does not know the method. An imported hash matches nothing.
    return matches and len(typed) <= LONGEST_PASSWORD


def needs_renewal(stored: str) -> bool:
    """Tell whether a hash was made by another method, or at another cost, than is set now."""
    setting: str = current_app.config["PASSWORD_HASH_METHOD"]
    return hash_methods.of(stored) != setting


def _own_words(texts: list[str]) -> list[str]:
    """Return the texts and their parts, forwards and backwards, the longest first."""
    words = {
        word
        for text in texts
        for folded in [normalize(text).casefold()]
        for part in [folded, _letters(folded), *folded.split("@"), *SEPARATORS.split(folded)]
        for word in (part, part[::-1])
        if len(part) >= OWN_WORD_LENGTH
    }
    return sorted(words, key=len, reverse=True)


def _without(words: list[str], password: str) -> str:
    """Return what is left of a password once the person's own words are cut out."""
    rest = folded = password.casefold()
    letters = _letters(folded)
    # A long name or address may hold all of the password, and not the other way round.
    if len(letters) > len(folded) / 2 and any(letters in word for word in words):
        return ""
    for word in words:
        rest = rest.replace(word, "")
    return password if rest == folded else rest


def _letters(text: str) -> str:
    return SEPARATORS.sub("", text)


def _score(password: str, own_words: list[str]) -> int:
    """Return zxcvbn's estimate, 0 to 4. Imported when first needed: that takes 0.2 seconds."""
    from zxcvbn import zxcvbn

    if not password:
        return 0
    estimated = password[:ESTIMATED_LENGTH]
    if len(SUBSTITUTES.intersection(estimated)) > MAX_SUBSTITUTES:
        estimated = estimated[:ESTIMATED_LENGTH_WITH_SUBSTITUTES]
    with _estimating:
        score: int = zxcvbn(estimated, user_inputs=own_words)["score"]
    return score
