"""Security headers for every response."""

from flask import Flask, Response

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


def init_app(app: Flask) -> None:
    """Put the headers on every response, unless it has its own."""
    # Static files say themselves how they are cached; what else is sent is for one person.
    headers = {**HEADERS, "Cache-Control": "no-store"}
    if not app.debug:
        hsts = f"max-age={app.config['HSTS_SECONDS']}; includeSubDomains"
        headers["Strict-Transport-Security"] = hsts

    @app.after_request
    def add_headers(response: Response) -> Response:
        present = {name.lower() for name in response.headers.keys()}  # noqa: SIM118
        for name, value in headers.items():
            if name.lower() not in present:
                response.headers.add(name, value)
        return response
