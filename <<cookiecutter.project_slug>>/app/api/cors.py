"""CORS: scripts from the origins in API_ALLOWED_ORIGINS may call the API.

Without credentials mode: a token is sent by the script, a cookie never (Fetch standard, CORS).
"""

from flask import Flask, Response, request

from app.api.operations import ROOT

# For `Authorization` the asterisk does not stand.
REQUEST_HEADERS = "Authorization, *"
ANSWER_HEADERS = "*"
PREFLIGHT_SECONDS = 600


def init_app(app: Flask) -> None:
    """Add the headers, if any origin is named."""
    origins = app.config["API_ALLOWED_ORIGINS"]
    if origins:

        @app.after_request
        def allow(response: Response) -> Response:
            if request.path.startswith(ROOT):
                response.vary.add("Origin")
                if request.origin in origins:
                    _allow(response, request.origin)
            return response


def _allow(response: Response, origin: str) -> None:
    response.headers["Access-Control-Allow-Origin"] = origin
    response.headers["Access-Control-Expose-Headers"] = ANSWER_HEADERS
    if request.method == "OPTIONS" and request.access_control_request_method:
        response.headers["Access-Control-Allow-Methods"] = response.headers.get("Allow", "")
        response.headers["Access-Control-Allow-Headers"] = REQUEST_HEADERS
        response.headers["Access-Control-Max-Age"] = str(PREFLIGHT_SECONDS)
