"""Template filters that put technical values into words: times, browsers."""

from datetime import datetime

from flask import Flask
from markupsafe import Markup

from app.columns import in_words, timestamp


def init_app(app: Flask) -> None:
    """Make the functions below filters of the templates."""
    app.add_template_filter(moment)
    app.add_template_filter(device)


def moment(value: datetime) -> Markup:
    """Return a time as a <time> element, such as "31 Jan 2026, 12:00 UTC"."""
    return Markup(f'<time datetime="{timestamp(value)}">{in_words(value)}</time>')  # noqa: S704 - no text


def device(user_agent: str) -> str:
    """Return browser and system of a user agent, such as "Firefox 145 on Windows 10"."""
    import ua_parser  # only the list of devices needs it

    browser = ua_parser.parse_user_agent(user_agent)
    system = ua_parser.parse_os(user_agent)
    words = [
        " ".join(filter(None, (part.family, part.major))) if part else unknown
        for part, unknown in ((browser, "Unknown browser"), (system, "unknown system"))
    ]
    return " on ".join(words)
