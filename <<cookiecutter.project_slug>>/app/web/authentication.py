"""Sign in, sign out, and sign in again before sensitive changes."""

from flask import flash, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required

from app.accounts import authentication
from app.accounts import sessions as service
from app.accounts.errors import FactorRequired, InvalidInput, NotConfirmed, WrongCredentials
from app.identity import current_identity
from app.web.blueprint import bp
from app.web.browser import ask_for_code, client, enter, leave
from app.web.forms import LoginForm, ReauthenticationForm
from app.web.guards import remember_typed_email, safe_target, signed_out_only


@bp.route("/login", methods=["GET", "POST"])
@signed_out_only
def login() -> ResponseReturnValue:
    """Sign in."""
    form = LoginForm(next=request.args.get("next"))
    if not form.validate_on_submit():
        return form.page("login.html")
    kind = "remembered" if form.remember.data else "browser"
    try:
        signed_in = authentication.sign_in(form.email.data, form.password.data, client(), kind)
    except WrongCredentials:
        return form.page(
            "login.html", {"password": ["The email address or the password is wrong."]}
        )
    except NotConfirmed:
        remember_typed_email(form.email.data)
        return form.page("login.html", unconfirmed=True)
    except FactorRequired as error:
        return ask_for_code(error.token, safe_target(form.next.data))
    session.clear()
    return enter(signed_in, safe_target(form.next.data))


@bp.post("/logout")
def logout() -> ResponseReturnValue:
    """End this session, on the server and in the browser."""
    if current_user.is_authenticated:
        service.sign_out(current_identity().session, client())
    response = leave(url_for("web.home"))
    flash("You're signed out.", "success")
    return response


@bp.route("/reauthenticate", methods=["GET", "POST"])
@login_required
def reauthenticate() -> ResponseReturnValue:
    """Enter the password again before a sensitive change."""
    form = ReauthenticationForm(next=request.args.get("next"))
    if not form.validate_on_submit():
        return form.page("reauthenticate.html", target=safe_target(form.next.data))
    try:
        signed_in = authentication.reauthenticate(
            current_identity().session, form.password.data, client(), form.code.data
        )
    except InvalidInput as error:
        return form.page("reauthenticate.html", error.errors, target=safe_target(form.next.data))
    return enter(signed_in, safe_target(form.next.data))
