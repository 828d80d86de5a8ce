r"""Validate names and email addresses, wherever they come from.

Length comes first, then the pattern, and only then what costs time: normalizing 30,000 combining
marks takes seconds. The patterns use only syntax that means the same in Python and in ECMA-262,
so that clients can use them too: `\s` or `\w` would not.
"""

import re
import unicodedata

from app.accounts.errors import InvalidInput
from app.accounts.models import EMAIL_LENGTH, NAME_LENGTH

CONTROLS = r"\u0000-\u001F\u007F-\u009F\u2028\u2029"
# Spaces and format characters: what people copy along with an address and cannot see.
PADDING = (
    r"\u0009-\u000D\u0020\u0085\u00A0\u00AD\u1680\u180E\u2000-\u200F\u2028-\u202F\u205F-\u206F"
    r"\u3000\uFEFF"
)
# Also invisible: combining marks without a letter, fillers, variation selectors and tags
# (Unicode's Default_Ignorable_Code_Point).
INVISIBLE = PADDING + (
    r"\u0300-\u036F\u0483-\u0489\u061C\u115F\u1160\u17B4\u17B5\u180B-\u180F\u1AB0-\u1AFF"
    r"\u1DC0-\u1DFF\u20D0-\u20FF\u2800\u3164\uFE00-\uFE0F\uFE20-\uFE2F\uFFA0\uFFF0-\uFFFB"
    "\ufffe\uffff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
NAME_PATTERN = rf"^[^{CONTROLS}]*[^{CONTROLS}{INVISIBLE}][^{CONTROLS}]*$"

# The dot-atom of RFC 5322 before the at sign, host name labels of RFC 1123 behind it, and in both
# any letter that is not ASCII (RFC 6531). \uFF20 is the at sign of East Asian keyboards. Programs
# that read an email decode "=?" as an encoded word (RFC 2047), and would find another address.
_ATOM = rf"[^\u0000-\u0020\u0022\u0028\u0029\u002C\u002E\u003A-\u003C\u003E\u0040\u005B-\u005D\u007F-\u009F\uFF20{PADDING}]"
_NOT_HOST = rf"\u003A-\u0040\u005B-\u0060\u007B-\u009F\uFF20{PADDING}"
_INNER = rf"[^\u0000-\u002C\u002E\u002F{_NOT_HOST}]"
_OUTER = rf"[^\u0000-\u002F{_NOT_HOST}]"
_LAST = rf"[^\u0000-\u0039{_NOT_HOST}]"
# Of the labels with two hyphens in the third place only Punycode exists.
_LABEL = r"(?!(?![Xx][Nn])..--)"
EMAIL_PATTERN = (
    rf"^[{PADDING}]*(?![^\u0040\uFF20]{{65}})(?![^\u0040\uFF20]*\u003D\u003F){_ATOM}+(?:\.{_ATOM}+)*[\u0040\uFF20]"
    rf"(?:{_LABEL}{_OUTER}(?:{_INNER}{{0,61}}{_OUTER})?\.)+"
    rf"{_LABEL}(?:{_OUTER}{_INNER}{{0,61}})?{_LAST}[{PADDING}]*$"
)

_NAME = re.compile(NAME_PATTERN)
_EMAIL = re.compile(EMAIL_PATTERN)
_PADDING = re.compile(rf"^[{PADDING}]+|[{PADDING}]+$")


def clean_name(typed: str, whose: str = "your") -> str:
    """Return a name as it is stored: trimmed, and composed (Unicode NFC) unless that is longer.

    `whose` goes into the messages: "Enter your name."

    Raises:
        InvalidInput: on `name`, when it is longer than NAME_LENGTH code points as typed, has a
            control character, or has no visible one.
    """
    if len(typed) > NAME_LENGTH:
        raise InvalidInput({"name": [f"Use at most {NAME_LENGTH} characters."]})
    if not _is_unicode(typed) or re.search(rf"[{CONTROLS}]", typed.strip()):
        message = f"Enter {whose} name on one line, without control characters."
        raise InvalidInput({"name": [message]})
    if not _NAME.fullmatch(typed):
        raise InvalidInput({"name": [f"Enter {whose} name."]})
    # A few characters, such as U+0958, become longer: they stay as they are.
    return min(unicodedata.normalize("NFC", typed), typed, key=len).strip()


def clean_email(typed: str) -> str:
    """Return an email address as it is stored and compared: NFKC, lower case, trimmed.

    Nothing is looked up in the DNS.

    Raises:
        InvalidInput: on `email`, when it is longer than EMAIL_LENGTH code points as typed or as
            stored, or is not an email address.
    """
    from email_validator import validate_email  # takes time, and many requests don't need it

    try:
        email = _canonical(typed)
        # `test_environment` accepts addresses that end in .test, for trying things out (RFC 6761).
        result = validate_email(email, check_deliverability=False, test_environment=True)
        return _checked(result.normalized.lower())
    except ValueError:  # EmailNotValidError is one
        raise InvalidInput(
            {"email": ["Enter an email address in the format name@example.com."]}
        ) from None


def address_key(typed: str) -> str:
    """Return what limits count an address by: as it is stored, or as typed if it cannot be one."""
    try:
        return clean_email(typed)
    except InvalidInput:
        return typed


def _canonical(typed: str) -> str:
    """Return one form for all ways to type an address. Raises ValueError."""
    trimmed = _PADDING.sub("", _checked(typed))
    return _checked(unicodedata.normalize("NFKC", trimmed).lower())


def _checked(email: str) -> str:
    if len(email) > EMAIL_LENGTH or not _is_unicode(email) or not _EMAIL.fullmatch(email):
        raise ValueError
    return email


def _is_unicode(text: str) -> bool:
    """Tell whether a text can be encoded: half of a surrogate pair cannot."""
    return not any("\ud800" <= character <= "\udfff" for character in text)
