"""A new password for somebody who lost theirs."""

from flask import flash, redirect, session, url_for
from flask.typing import ResponseReturnValue

from app.accounts import recovery
from app.web.blueprint import bp
from app.web.browser import client, make_known
from app.web.forms import EmailForm, NewPasswordForm
from app.web.guards import remember_typed_email


@bp.route("/reset-password", methods=["GET", "POST"])
def reset_password() -> ResponseReturnValue:
    """The form to have a link mailed; its answer tells nothing of who has an account."""
    form = EmailForm(email=session.get("typed_email"))
    if form.validate_on_submit():
        with form.showing_refusals():
            recovery.request_reset(form.email.data, client())
            remember_typed_email(form.email.data)
            flash("If this address has an account, a link is on its way.", "success")
            return redirect(url_for("web.reset_password"), 303)
    return form.page("reset_password.html")


@bp.route("/reset-password/<token>", methods=["GET", "POST"])
def reset_password_token(token: str) -> ResponseReturnValue:
    """Where the link in a mail leads: the form for a new password."""
    email = recovery.check_reset(token)
    form = NewPasswordForm()
    if form.validate_on_submit():
        with form.showing_refusals():
            device = recovery.complete_reset(token, form.password.data, client())
            flash("Your new password is set. Sign in with it.", "success")
            response = redirect(url_for("web.login"), 303)
            make_known(response, device)
            return response
    return form.page("reset_password_token.html", email=email)
