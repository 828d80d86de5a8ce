"""The password policy, and the hash.

Length and no rules of composition: NIST SP 800-63B-4, section 3.1.1. Guessable passwords are
refused by zxcvbn's estimate. The cost of the hash: OWASP's Password Storage Cheat Sheet.
"""

import unicodedata

from flask import current_app
from werkzeug.security import check_password_hash, generate_password_hash

from app.accounts.errors import InvalidInput

# The estimate looks at no more: what 72 characters can be made to cost, zxcvbn's own maximum,
# is ten times the hash, and anybody may ask for it.
ESTIMATED_LENGTH = 32


def normalise(typed: str) -> str:
    """One form for all ways to type a password: NFKC; lone surrogates cannot be encoded."""
    encoded = unicodedata.normalize("NFKC", typed).encode("utf-8", "replace")
    return encoded.decode("utf-8")


def check(typed: str, own_words: list[str], field: str = "password") -> None:
    """Raise InvalidInput on `field` unless the password follows the policy.

    `own_words` are the person's name and address: like the app's name, they are easy to guess.
    """
    password = normalise(typed)
    shortest = current_app.config["PASSWORD_MIN_LENGTH"]
    longest = current_app.config["PASSWORD_MAX_LENGTH"]
    if len(password) < shortest:
        raise InvalidInput({field: [f"Use at least {shortest} characters."]})
    if len(password) > longest:
        raise InvalidInput({field: [f"Use at most {longest} characters."]})
    if _score(password, own_words) < current_app.config["PASSWORD_MIN_SCORE"]:
        raise InvalidInput(
            {field: ["This password is easy to guess. Try a few unrelated words in a row."]}
        )


def hash_password(typed: str) -> str:
    """The hash to store: method, cost and salt are part of it."""
    return generate_password_hash(normalise(typed), current_app.config["PASSWORD_HASH_METHOD"])


def verify(typed: str, stored: str | None) -> bool:
    """Whether the password is the one of the hash. Without a hash: the same work, and no."""
    nobody = f"{current_app.config['PASSWORD_HASH_METHOD']}$salt$"
    return check_password_hash(stored or nobody, normalise(typed))


def needs_renewal(stored: str) -> bool:
    """Whether a hash was made by another method, or at another cost, than is set now."""
    return not stored.startswith(current_app.config["PASSWORD_HASH_METHOD"] + "$")


def _score(password: str, own_words: list[str]) -> int:
    """zxcvbn's estimate, 0 to 4. Imported when first needed: it costs 0.2 seconds."""
    from zxcvbn import zxcvbn

    context = [*own_words, current_app.config["APP_NAME"]]
    words = [part for word in context for part in [word, *word.replace("@", " ").split()]]
    score: int = zxcvbn(password[:ESTIMATED_LENGTH], user_inputs=words)["score"]
    return score
