"""The HTML pages of accounts."""

from flask import Flask

from app import closed, errors, mail
from app.accounts.passkeys import relying_party
from app.mail import Action
from app.web import (  # noqa: F401 - importing the views adds them to the blueprint
    account,
    authentication,
    browser,
    csrf,
    error_pages,
    factor,
    home,
    passkey_scripts,
    passkeys,
    problems,
    recovery,
    registration,
    sessions,
    words,
)
from app.web.blueprint import MENU, bp

# The path of the link in an email, for each purpose of a token.
LINKS = {"confirm": "/confirm", "reset": "/reset-password", "email": "/account/email"}


def init_app(app: Flask) -> None:
    """Add the pages, their cookies, their CSRF protection and their error pages."""
    if app.config["REGISTRATION"] == "closed":
        closed.close(app, "web.register")
    if not relying_party.are_possible(app):
        for endpoint in ("web.passkey_endpoints", *problems.FOR_SCRIPTS):
            closed.close(app, endpoint)
    browser.init_app(app)
    csrf.init_app(app)
    words.init_app(app)
    app.register_blueprint(bp)
    MENU.set(app, [("web.account", "Account")])
    app.jinja_env.globals["menu_entries"] = MENU.of(app)
    app.jinja_env.globals["home_endpoint"] = "web.home"
    app.jinja_env.globals["passkeys_are_possible"] = relying_party.are_possible
    errors.show_with(app, "/", error_pages.show)

    def link(purpose: str, token: str) -> Action:
        """BASE_URL, never a request, says where the links of emails lead."""
        page = f"{app.config['BASE_URL']}{LINKS[purpose]}"
        return Action(link=f"{page}/{token}" if token else page)

    mail.present_with(app, link)
