"""Technical values in words: moments, browsers."""

from datetime import UTC, datetime

import ua_parser
from flask import Flask


def init_app(app: Flask) -> None:
    """Make the functions below filters of the templates."""
    app.add_template_filter(moment)
    app.add_template_filter(device)


def moment(value: datetime) -> str:
    """A moment as people read it, such as "31 January 2026, 12:00 UTC"."""
    value = value.astimezone(UTC)
    return f"{value.day} {value:%B %Y, %H:%M} UTC"


def device(user_agent: str) -> str:
    """Browser and system of a User-Agent, such as "Firefox 145 on Windows 10"."""
    browser = ua_parser.parse_user_agent(user_agent)
    system = ua_parser.parse_os(user_agent)
    words = [
        " ".join(filter(None, (part.family, part.major))) if part else unknown
        for part, unknown in ((browser, "Unknown browser"), (system, "unknown system"))
    ]
    return " on ".join(words)
