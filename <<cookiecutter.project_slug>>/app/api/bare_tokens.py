"""How an email shows a token where no page could take it: by itself, on a line of its own.

With CLIENT_URL set there is also a link to that client. The token is in the link's fragment,
which browsers send to no server, so it stays out of logs.
"""

from flask import Flask, current_app

from app import mail

CLIENT_PATHS = {"confirm": "/confirm", "reset": "/reset-password", "email": "/account/email"}


def init_app(app: Flask) -> None:
    """Let emails show bare tokens."""
    mail.present_with(app, present)


def present(purpose: str, token: str) -> mail.Action:
    """Return the token if there is one, and the client's link if there is a client."""
    client_url = current_app.config["CLIENT_URL"]
    page = f"{client_url}{CLIENT_PATHS[purpose]}" if client_url else None
    return mail.Action(link=f"{page}#token={token}" if page and token else page, token=token)
