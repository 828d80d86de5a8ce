"""Security headers for every response."""

from flask import Flask

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    # What `frame-ancestors` says, for scanners and for browsers that are too old to know it.
    "X-Frame-Options": "DENY",
    # Not `no-referrer`: the check of forged forms needs it from this same site.
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def headers(app: Flask) -> dict[str, str]:
    """Return the headers of every response. `app.gate` adds those that it doesn't have itself."""
    # Static files say themselves how they are cached; what else is sent is for one person.
    found = {**HEADERS, "Cache-Control": "no-store"}
    if not app.debug:
        hsts = f"max-age={app.config['HSTS_SECONDS']}; includeSubDomains"
        found["Strict-Transport-Security"] = hsts
    return found
