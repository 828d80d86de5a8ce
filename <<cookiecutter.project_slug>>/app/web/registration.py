"""Registration and confirmation."""

from flask import flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from app.accounts import registration
from app.accounts.errors import InvalidInput
from app.web.blueprint import bp
from app.web.browser import client
from app.web.forms import EmailForm, RegisterForm
from app.web.guards import remember_typed_email, signed_out_only


@bp.route("/register", methods=["GET", "POST"])
@signed_out_only
def register() -> ResponseReturnValue:
    """Register."""
    form = RegisterForm()
    if not form.validate_on_submit():
        return form.page("register.html")
    try:
        registration.register(form.name.data, form.email.data, form.password.data, client())
    except InvalidInput as error:
        return form.page("register.html", error.errors)
    _await_link(form.email.data)
    return redirect(url_for("web.confirm"), 303)


@bp.route("/confirm", methods=["GET", "POST"])
def confirm() -> ResponseReturnValue:
    """Check your inbox, or request the confirmation email again."""
    form = EmailForm(email=session.get("typed_email"))
    if not form.validate_on_submit():
        return form.page("confirm.html")
    try:
        registration.resend_confirmation(form.email.data, client())
    except InvalidInput as error:
        return form.page("confirm.html", error.errors)
    _await_link(form.email.data)
    flash("If this email address needs to be confirmed, we've sent a new link.", "success")
    return redirect(url_for("web.confirm"), 303)


@bp.route("/confirm/<token>", methods=["GET", "POST"])
def confirm_token(token: str) -> ResponseReturnValue:
    """Serve the link in an email. GET shows a button, because mail scanners follow links."""
    if request.method == "POST":
        registration.confirm(token, client())
        flash("Your email address is confirmed. You can sign in now.", "success")
        return redirect(url_for("web.login"), 303)
    registration.check_confirm(token)
    return render_template("web/confirm_token.html")


def _await_link(email: str) -> None:
    """Remember where the page says that the email went."""
    remember_typed_email(email)
    session["mailed_to"] = session["typed_email"]
