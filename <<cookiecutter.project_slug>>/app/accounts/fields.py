"""What a name and a mail address may be: the one place for both faces."""

import unicodedata

from email_validator import EmailNotValidError, validate_email

from app.accounts.errors import InvalidInput
from app.accounts.models import EMAIL_LENGTH, NAME_LENGTH


def clean_name(typed: str) -> str:
    """A name as it is stored: trimmed, in Unicode's NFC form.

    Raises InvalidInput on `name` when it is empty, too long or holds a control character.
    """
    name = unicodedata.normalize("NFC", typed).strip()
    if not name:
        raise InvalidInput({"name": ["Enter your name."]})
    if len(name) > NAME_LENGTH:
        raise InvalidInput({"name": [f"Use at most {NAME_LENGTH} characters."]})
    if not is_text(typed):
        raise InvalidInput({"name": ["Use letters, marks and spaces alone, on one line."]})
    return name


def clean_email(typed: str) -> str:
    """A mail address as it is stored and compared: in NFKC form and lower case.

    Raises InvalidInput on `email` when it cannot be one. Nothing is looked up.
    """
    email = canonical_email(typed)
    try:
        if not is_text(email) or len(email) > EMAIL_LENGTH:
            raise EmailNotValidError
        # `test_environment` lets in what ends in .test: for trying things out (RFC 6761).
        result = validate_email(email, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        raise InvalidInput(
            {"email": ["Enter an e-mail address, such as name@example.com."]}
        ) from None
    return result.normalized.lower()


def address_key(typed: str) -> str:
    """What limits count an address by: as it is stored, or in one form if it cannot be one."""
    try:
        return clean_email(typed)
    except InvalidInput:
        return canonical_email(typed)


def canonical_email(typed: str) -> str:
    """One form for all ways to write an address: NFKC, trimmed, in lower case."""
    return unicodedata.normalize("NFKC", typed).strip().lower()


def is_text(value: str) -> bool:
    """Whether a value is free of what no database or page can hold: controls, lone surrogates."""
    return all(
        unicodedata.category(character) not in ("Cc", "Cs", "Zl", "Zp") for character in value
    )
