"""The pages of two-factor authentication: the second step of a sign-in, and the settings."""

from flask import flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import login_required
from markupsafe import Markup

from app.accounts import authentication, challenges
from app.accounts.errors import FactorNotVerified, InvalidChallenge, InvalidInput
from app.accounts.factors import setups
from app.accounts.factors import store as factors
from app.identity import current_identity
from app.web.blueprint import bp
from app.web.browser import BROWSER_KINDS, challenge, client, enter, forget_challenge
from app.web.forms import CodeForm
from app.web.guards import recent_sign_in_required, safe_target, signed_out_only


@bp.route("/login/factor", methods=["GET", "POST"])
@signed_out_only
def login_factor() -> ResponseReturnValue:
    """The second step of a sign-in."""
    recovery = "recovery" in request.args
    form = CodeForm()
    if recovery:
        form.ask_for_recovery_code()
    try:
        challenges.find(challenge(), "sign in", *BROWSER_KINDS)
        if not form.validate_on_submit():
            return form.page("login_factor.html", recovery=recovery)
        signed_in = authentication.sign_in_with_code(
            challenge(), form.code.data, client(), *BROWSER_KINDS
        )
    except InvalidChallenge:
        return _begin_again()
    except InvalidInput as error:
        return form.page("login_factor.html", error.errors, recovery=recovery)
    target = safe_target(session.get("target"))
    session.clear()
    return enter(signed_in, target)


def _begin_again() -> ResponseReturnValue:
    """Redirect to the first step.

    If the same form was sent twice, the first request signed this browser in: nothing here may set
    its session's cookie.
    """
    target = session.get("target")
    # A browser deletes the cookie of a challenge when that expires.
    if ("target" in session and not challenge()) or challenges.has_expired(challenge()):
        session.pop("target", None)
        flash("The last sign-in took too long. Start again.", "info")
    target = None if target == url_for("web.account") else target  # it leads there anyway
    return forget_challenge(redirect(url_for("web.login", next=target), 303))


@bp.get("/account/factor")
@login_required
def factor() -> ResponseReturnValue:
    """The state of two-factor authentication."""
    return render_template("web/factor.html", status=factors.status(current_identity().account))


@bp.route("/account/factor/set-up", methods=["GET", "POST"])
@recent_sign_in_required
def set_up_factor() -> ResponseReturnValue:
    """Set up an authenticator app."""
    form, current = CodeForm(), current_identity().session
    errors = {}
    if form.validate_on_submit():
        if setups.find(current) is None and factors.status(current.account).confirmed_at:
            # The page with the recovery codes was reloaded: they are shown once.
            return redirect(url_for("web.factor"), 303)
        try:
            return _recovery_codes(factors.confirm(current, form.code.data, client()))
        except InvalidInput as error:
            errors = error.errors
    try:
        waiting = factors.begin(current)
    except FactorNotVerified:
        return redirect(url_for("web.reauthenticate", next=url_for("web.set_up_factor")), 303)
    return form.page("factor_set_up.html", errors, waiting=waiting, qr_code=_qr_code(waiting.uri))


@bp.route("/account/factor/recovery-codes", methods=["GET", "POST"])
@recent_sign_in_required
def recovery_codes() -> ResponseReturnValue:
    """Create new recovery codes."""
    form, account = CodeForm(), current_identity().account
    if account.factor_since is None:
        return redirect(url_for("web.factor"), 303)
    if not form.validate_on_submit():
        return form.page("factor_recovery_codes.html")
    try:
        return _recovery_codes(factors.renew_recovery_codes(account, form.code.data, client()))
    except InvalidInput as error:
        return form.page("factor_recovery_codes.html", error.errors)


@bp.route("/account/factor/remove", methods=["GET", "POST"])
@recent_sign_in_required
def remove_factor() -> ResponseReturnValue:
    """Turn off two-factor authentication."""
    form, account = CodeForm(), current_identity().account
    if account.factor_since is None:
        return redirect(url_for("web.factor"), 303)
    if not form.validate_on_submit():
        return form.page("factor_remove.html")
    try:
        factors.remove(account, form.code.data, client())
    except InvalidInput as error:
        return form.page("factor_remove.html", error.errors)
    flash("Two-factor authentication was turned off.", "success")
    return redirect(url_for("web.factor"), 303)


def _recovery_codes(codes: list[str]) -> ResponseReturnValue:
    """Return the page that shows recovery codes, once."""
    return render_template("web/factor_codes.html", codes=codes)


def _qr_code(uri: str) -> Markup | None:
    """Return a QR code as an SVG without styles, which the content security policy would refuse.

    None for more than a QR code holds: a very long name and address, in another script.
    """
    import segno  # only this page needs it

    try:
        code = segno.make(uri, micro=False)
    except segno.DataOverflowError:
        return None
    # Black on white in dark mode too, with the margin that cameras need.
    svg = code.svg_inline(omitsize=True, dark="#000", light="#fff", svgclass=None, lineclass=None)
    return Markup(svg)  # noqa: S704 - made of the modules alone, not of text
