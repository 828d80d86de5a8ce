"""The pages of sessions."""

from flask import abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_login import login_required

from app.accounts import sessions as service
from app.identity import current_identity
from app.web.blueprint import bp
from app.web.browser import client, leave
from app.web.guards import recent_sign_in_required


@bp.get("/account/sessions")
@login_required
def sessions() -> ResponseReturnValue:
    """Your signed-in devices."""
    current = current_identity().session
    return render_template(
        "web/sessions.html", sessions=service.of(current.account), current=current
    )


@bp.post("/account/sessions/<session_id>/revoke")
@recent_sign_in_required
def revoke_session(session_id: str) -> ResponseReturnValue:
    """Sign out a device."""
    current = current_identity().session
    if not service.revoke(current, session_id, client()):
        abort(404)
    if service.read_id(session_id) == current.public_id:
        return leave(url_for("web.login"))
    flash("The device was signed out.", "success")
    return redirect(url_for("web.sessions"), 303)


@bp.post("/account/sessions/revoke-others")
@recent_sign_in_required
def revoke_other_sessions() -> ResponseReturnValue:
    """Sign out all other devices."""
    ended = service.revoke_others(current_identity().session, client())
    flash(f"Signed out {ended} other {'device' if ended == 1 else 'devices'}.", "success")
    return redirect(url_for("web.sessions"), 303)
