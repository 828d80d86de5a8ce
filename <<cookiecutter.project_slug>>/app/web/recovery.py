"""Password resets."""

from flask import flash, redirect, session, url_for
from flask.typing import ResponseReturnValue

from app.accounts import recovery
from app.accounts.errors import InvalidInput
from app.web.blueprint import bp
from app.web.browser import client, make_known
from app.web.forms import EmailForm, NewPasswordForm
from app.web.guards import remember_typed_email


@bp.route("/reset-password", methods=["GET", "POST"])
def reset_password() -> ResponseReturnValue:
    """Request a password reset."""
    form = EmailForm(email=session.get("typed_email"))
    if not form.validate_on_submit():
        return form.page("reset_password.html")
    try:
        recovery.request_reset(form.email.data, client())
    except InvalidInput as error:
        return form.page("reset_password.html", error.errors)
    remember_typed_email(form.email.data)
    flash("If this email address has an account, we've sent a link to it.", "success")
    return redirect(url_for("web.reset_password"), 303)


@bp.route("/reset-password/<token>", methods=["GET", "POST"])
def reset_password_token(token: str) -> ResponseReturnValue:
    """Set a new password after a link from an email."""
    email = recovery.check_reset(token)
    form = NewPasswordForm()
    if not form.validate_on_submit():
        return form.page("reset_password_token.html", email=email)
    try:
        device = recovery.complete_reset(token, form.password.data, client())
    except InvalidInput as error:
        return form.page("reset_password_token.html", error.errors, email=email)
    flash("Your password is set. Sign in with it.", "success")
    response = redirect(url_for("web.login"), 303)
    make_known(response, device)
    return response
