"""The pages of passkeys."""

from flask import abort, current_app, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_login import login_required

from app.accounts.errors import InvalidInput
from app.accounts.models import Passkey
from app.accounts.passkeys import store
from app.accounts.passkeys.signals import signals
from app.identity import current_identity
from app.web.blueprint import bp
from app.web.browser import client
from app.web.forms import PasskeyForm
from app.web.guards import PASSKEYS, recent_sign_in_required


@bp.get(PASSKEYS)
@login_required
def passkeys() -> ResponseReturnValue:
    """Your passkeys."""
    account = current_identity().account
    found = store.passkeys_of(account)
    return render_template("web/passkeys.html", passkeys=found, signals=signals(account, found))


@bp.route(f"{PASSKEYS}/<passkey_id>/rename", methods=["GET", "POST"])
@recent_sign_in_required
def rename_passkey(passkey_id: str) -> ResponseReturnValue:
    """Rename a passkey."""
    passkey = _find(passkey_id)
    form = PasskeyForm(name=passkey.name)
    if not form.validate_on_submit():
        return form.page("passkey_rename.html")
    try:
        if not store.rename(passkey, form.name.data, client()):
            abort(404)
    except InvalidInput as error:
        return form.page("passkey_rename.html", error.errors)
    flash("The passkey was renamed.", "success")
    return redirect(url_for("web.passkeys"), 303)


@bp.post(f"{PASSKEYS}/<passkey_id>/remove")
@recent_sign_in_required
def remove_passkey(passkey_id: str) -> ResponseReturnValue:
    """Remove a passkey."""
    if not store.remove(_find(passkey_id), client()):
        abort(404)
    flash("The passkey was removed.", "success")
    return redirect(url_for("web.passkeys"), 303)


@bp.get("/.well-known/passkey-endpoints")
def passkey_endpoints() -> ResponseReturnValue:
    """Where password managers find the page of passkeys (W3C, Passkey Endpoints)."""
    page = f"{current_app.config['BASE_URL']}{PASSKEYS}"
    return {"enroll": page, "manage": page}


def _find(passkey_id: str) -> Passkey:
    """Return a passkey of the current account. Raises NotFound."""
    passkey = store.find(current_identity().account, passkey_id)
    if passkey is None:
        abort(404)
    return passkey
