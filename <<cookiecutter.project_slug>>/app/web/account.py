"""The account pages: show, change, export and delete your account."""

import json

from flask import Response, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import login_required

from app.accounts import changes
from app.accounts.errors import InvalidInput
from app.accounts.passkeys.signals import signals
from app.identity import current_identity
from app.web.blueprint import bp
from app.web.browser import client, leave, make_known
from app.web.forms import ChangeEmailForm, ChangePasswordForm, PasswordForm, ProfileForm
from app.web.guards import recent_sign_in_required


@bp.get("/account")
@login_required
def account() -> ResponseReturnValue:
    """Your account: your name, email address and settings."""
    return render_template("web/account.html", signals=signals(current_identity().account))


@bp.route("/account/profile", methods=["GET", "POST"])
@login_required
def profile() -> ResponseReturnValue:
    """Change your name."""
    form = ProfileForm(name=current_identity().account.name)
    if not form.validate_on_submit():
        return form.page("profile.html")
    try:
        changes.rename(current_identity().account, form.name.data, client())
    except InvalidInput as error:
        return form.page("profile.html", error.errors)
    flash("Your name was changed.", "success")
    return redirect(url_for("web.account"), 303)


@bp.route("/account/password", methods=["GET", "POST"])
@login_required
def password() -> ResponseReturnValue:
    """Change your password."""
    form = ChangePasswordForm()
    if not form.validate_on_submit():
        return form.page("password.html")
    try:
        device = changes.change_password(
            current_identity().session,
            form.current_password.data,
            form.password.data,
            client(),
        )
    except InvalidInput as error:
        return form.page("password.html", error.errors)
    flash("Your password was changed, and other devices were signed out.", "success")
    response = redirect(url_for("web.account"), 303)
    if device:
        make_known(response, device)
    return response


@bp.route("/account/email", methods=["GET", "POST"])
@recent_sign_in_required
def email() -> ResponseReturnValue:
    """Change your email address."""
    form = ChangeEmailForm(email=session.get("typed_email"))
    if not form.validate_on_submit():
        return form.page("email.html")
    try:
        changes.request_email_change(current_identity().session, form.email.data, client())
    except InvalidInput as error:
        return form.page("email.html", error.errors)
    session.pop("typed_email", None)
    flash(
        "We've sent a link to the new email address. Nothing changes until you open it.",
        "success",
    )
    return redirect(url_for("web.account"), 303)


@bp.route("/account/email/<token>", methods=["GET", "POST"])
def email_token(token: str) -> ResponseReturnValue:
    """Serve the link in an email. GET shows a button, because mail scanners follow links."""
    new_address = changes.check_email_change(token)
    if request.method == "POST":
        changes.confirm_email_change(token, client())
        flash(f"Your email address is now {new_address}.", "success")
        return redirect(url_for("web.login"), 303)
    return render_template("web/email_token.html", new_address=new_address)


@bp.get("/account/export")
@login_required
def export() -> ResponseReturnValue:
    """Export your data as a JSON file."""
    data = changes.export(current_identity().account, client())
    response = Response(
        json.dumps(data, indent=2, ensure_ascii=False) + "\n", mimetype="application/json"
    )
    response.headers.set("Content-Disposition", "attachment", filename="account.json")
    return response


@bp.route("/account/delete", methods=["GET", "POST"])
@login_required
def delete() -> ResponseReturnValue:
    """Delete your account."""
    form = PasswordForm()
    if not form.validate_on_submit():
        return form.page("delete.html")
    try:
        changes.delete_account(current_identity().session, form.password.data, client())
    except InvalidInput as error:
        return form.page("delete.html", error.errors)
    response = leave(url_for("web.home"))
    flash("Your account was deleted.", "success")
    return response
