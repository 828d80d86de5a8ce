"""The kinds of settings: how each is read, checked and brought into one form.

A kind is a function. It takes the value from the environment, or what `create_app` was given,
and returns the value the app uses. It raises ValueError with the rest of a sentence that begins
with the setting's name: what was wrong, and what would be right.
"""

import functools
import re
import unicodedata
from collections.abc import Callable
from email.headerregistry import Address
from ipaddress import IPv6Address, ip_address
from typing import Any
from urllib.parse import urlsplit

from limits import parse_many
from werkzeug.security import generate_password_hash

Kind = Callable[[Any], Any]

# Far beyond any use, and safely within what a date can hold.
MAX_SECONDS = 100 * 365 * 24 * 60 * 60
LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
# Bytes of memory, and rounds, that checking one password may take: about 100 times OWASP's.
MAX_HASH_MEMORY = 1024**3
MAX_HASH_ROUNDS = 100_000_000
# Below these a hash costs next to nothing (for scrypt: N times r times p).
MIN_SCRYPT_COST = 256
MIN_PBKDF2_ROUNDS = 1000


def text(value: Any) -> str:
    """Read one line of text."""
    result = secret(value).strip()
    if any(unicodedata.category(character) in ("Cc", "Zl", "Zp") for character in result):
        raise ValueError("must be one line of text without control characters")
    return result


def secret(value: Any) -> str:
    """Read text exactly as it is: surrounding spaces belong to a password."""
    if not isinstance(value, str):
        raise ValueError("must be text")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("must be valid UTF-8") from None
    return value


def folder(value: Any) -> str:
    """Read a folder's path. `rules` rejects one with private files."""
    return text(value)


def ascii_secret(value: Any) -> str:
    """Read text that a protocol can carry only in ASCII."""
    if not secret(value).isascii():
        raise ValueError("must consist of ASCII characters: SMTP can't send any others")
    return secret(value)


def yes_no(value: Any) -> bool:
    """Read true or false."""
    answers = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in answers:
        return answers[value.strip().lower()]
    raise ValueError(f"must be true or false, not {value!r}")


def choice(*values: str) -> Kind:
    """Return the kind that accepts one of `values`."""

    def read(value: Any) -> str:
        if text(value).lower() not in values:
            raise ValueError(f"must be one of {', '.join(values)}, not {value!r}")
        return text(value).lower()

    return read


def whole(minimum: int, maximum: int) -> Kind:
    """Return the kind for a whole number between the two, both included."""

    def read(value: Any) -> int:
        number = _number(value)
        if not isinstance(number, int) or not minimum <= number <= maximum:
            raise ValueError(f"must be a whole number from {minimum} to {maximum}, not {value!r}")
        return number

    return read


def seconds(minimum: float = 1, maximum: float = MAX_SECONDS) -> Kind:
    """Return the kind for a duration in seconds between the two, both included."""

    def read(value: Any) -> float:
        number = _number(value)
        if number is None or not minimum <= number <= maximum:
            raise ValueError(
                f"must be a number of seconds from {minimum} to {maximum}, not {value!r}"
            )
        return number

    return read


def listed(kind: Kind) -> Kind:
    """Return the kind for a list of `kind`: a list, or text with commas."""

    def read(value: Any) -> list[Any]:
        parts = value.split(",") if isinstance(value, str) else value
        if not isinstance(parts, list | tuple):
            raise ValueError("must be a list, separated by commas")
        trimmed = [part.strip() if isinstance(part, str) else part for part in parts]
        return [kind(part) for part in trimmed if not is_blank(part)]

    return read


def host(value: Any) -> str:
    """Read a host name or an IP address, and return it as the network knows it."""
    try:
        return _host(text(value).strip("[]"))
    except ValueError:
        raise ValueError(
            f"must be a host name alone, such as mail.example.com, not {value!r}"
        ) from None


def base_url(value: Any) -> str:
    """Read the address of a site: scheme, host, and perhaps a port and a path.

    Returns it in one form: ASCII, lower case, without the scheme's own port or a final slash.
    """
    problem = "must be scheme and host, such as https://app.example.com"
    written = text(value)
    try:
        parts = urlsplit(written)
        port = parts.port
        name = _host(parts.hostname or "")
    except ValueError:
        raise ValueError(problem) from None
    if parts.scheme not in ("http", "https") or port == 0 or re.search(r"[\s\\?#]", written):
        raise ValueError(problem)
    if "@" in parts.netloc:
        raise ValueError("must not contain a user name or a password")
    if not re.fullmatch(r"(/[\w.~-]+)*/*", parts.path, re.ASCII) or "/." in parts.path:
        raise ValueError(f"{problem} or https://example.com/app, without special characters")
    default = {"http": 80, "https": 443}[parts.scheme]
    place = f"[{name}]" if ":" in name else name
    place += f":{port}" if port not in (None, default) else ""
    return f"{parts.scheme}://{place}{parts.path.rstrip('/')}"


#: if cookiecutter.interface != "html"
def origin(value: Any) -> str:
    """Read an origin (RFC 6454) and return it as browsers send it."""
    problem = f"must be scheme and host, such as https://app.example.com, not {value!r}"
    try:
        url = base_url(value)
    except ValueError:
        raise ValueError(problem) from None
    if urlsplit(url).path or text(value).endswith("/"):
        raise ValueError(problem)
    return url


#: endif
def email_address(value: Any) -> str:
    """Read an email address that every mail server can carry: its domain as ASCII."""
    from email_validator import EmailNotValidError, validate_email

    try:
        parts = validate_email(
            text(value),
            check_deliverability=False,
            test_environment=True,
            allow_domain_literal=True,
        )
    except EmailNotValidError:
        raise ValueError("must be an email address, such as no-reply@example.com") from None
    if not parts.local_part.isascii():
        raise ValueError("must have only ASCII characters before the @")
    return f"{parts.local_part}@{parts.ascii_domain}"


def sender(value: Any) -> str:
    """Read an address, perhaps with a name: `My App <no-reply@example.com>`; quote the name."""
    written = text(value)
    named = re.fullmatch(r"([^<>]*)<([^<>]*)>", written)
    if named is None:
        return email_address(written)
    name = named[1].strip()
    if len(name) > 1 and name[0] == name[-1] == '"':
        name = re.sub(r"\\(.)", r"\1", name[1:-1])
    return str(Address(name, addr_spec=email_address(named[2])))


def limit(value: Any) -> str:
    """Read a rate limit, or several, in the notation of the `limits` package."""
    problem = f'must be a rate limit such as "10 per 15 minutes", not {value!r}'
    try:
        rules = parse_many(text(value))
    except ValueError:
        raise ValueError(problem) from None
    if any(rule.amount < 1 or not 1 <= rule.get_expiry() <= MAX_SECONDS for rule in rules):
        raise ValueError(problem)
    return text(value)


def hash_method(value: Any) -> str:
    """Read a method and cost of Werkzeug's and hash once with it: some combinations fail."""
    problem = "must be a method and its cost, such as scrypt:32768:8:3"
    number = r"([1-9][0-9]{0,9})"
    method = text(value)
    scrypt = re.fullmatch(f"scrypt:{number}:{number}:{number}", method)
    pbkdf2 = re.fullmatch(f"pbkdf2:sha[0-9]+:{number}", method)
    if scrypt:
        n, r, p = map(int, scrypt.groups())
        weak, rounds, memory = n * r * p < MIN_SCRYPT_COST, n * r * p, 128 * n * r
    elif pbkdf2:
        rounds, memory = int(pbkdf2[1]), 0
        weak = rounds < MIN_PBKDF2_ROUNDS
    else:
        raise ValueError(f"{problem}, not {value!r}")
    if weak:
        raise ValueError(f"costs an attacker nothing; {problem}")
    if rounds > MAX_HASH_ROUNDS or memory > MAX_HASH_MEMORY or not _can_hash(method):
        raise ValueError(f"cannot be computed; {problem}")
    return method


def is_blank(value: Any) -> bool:
    """Return whether a value means that the setting is not set."""
    return value is None or (isinstance(value, str) and not value.strip())


def _number(value: Any) -> int | float | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,15}", value.strip()):
        return int(value)
    return None


def _host(name: str) -> str:
    """Return a host as ASCII in lower case. Raises ValueError."""
    name = name.rstrip(".").lower()
    try:
        address = ip_address(name)
    except ValueError:
        pass
    else:
        if isinstance(address, IPv6Address) and address.scope_id:
            raise ValueError("an address with a zone")
        return str(address)
    if not name.isascii():
        import idna

        name = idna.encode(name, uts46=True).decode("ascii")  # IDNAError is a ValueError
    if len(name) > 253 or not all(LABEL.fullmatch(label) for label in name.split(".")):
        raise ValueError("no host name")
    return name


@functools.cache
def _can_hash(method: str) -> bool:
    try:
        return generate_password_hash("", method).startswith(f"{method}$")
    except (ValueError, MemoryError, OverflowError):
        return False
