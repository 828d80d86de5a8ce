"""The forms. `app.accounts` checks the values and has the messages."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import current_app, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from markupsafe import Markup
from wtforms import BooleanField, Field, StringField
from wtforms.widgets import EmailInput, HiddenInput, PasswordInput

from app.accounts.factors.codes import LONGEST
from app.accounts.models import EMAIL_LENGTH, NAME_LENGTH

# Phones offer digits, and a code that they received or made.
CODE_ATTRIBUTES = {
    "required": True,
    "inputmode": "numeric",
    "autocomplete": "one-time-code",
    "autocapitalize": "none",
    "spellcheck": "false",
    "maxlength": LONGEST,
}


class Form(FlaskForm):
    """The base class of all forms: values as text, and a CSRF token."""

    def __init__(self, **values: Any) -> None:
        # Not the files: a field sent as one would reach the service as an object.
        super().__init__(request.form if request.method == "POST" else None, **values)

    def page(
        self, template: str, errors: Mapping[str, Sequence[str]] | None = None, **values: Any
    ) -> ResponseReturnValue:
        """Return the page with this form, and the messages of `errors` beside its fields.

        After a POST the status is 422, since only a refused form is shown again.
        """
        for name, messages in (errors or {}).items():
            self[name].errors = [*self[name].errors, *messages]
        status = 422 if request.method == "POST" else 200
        return render_template(f"web/{template}", form=self, **values), status

    @property
    def first_error(self) -> str | None:
        """The name of the first field with a message: the one to begin with."""
        return next((field.name for field in self if field.errors), None)


class TextField(StringField):
    """Text; a field that was not sent counts as one left empty."""

    data: str

    def __init__(self, label: str = "", **options: Any) -> None:
        super().__init__(label, filters=[lambda value: value or ""], **options)

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        """Take what was sent. If nothing was, WTForms would keep the page's value."""
        self.data = valuelist[0] if valuelist else ""


class TargetField(StringField):
    """Where to go afterwards: from the form, or else from the page's URL."""

    data: str


class NewPasswordInput(PasswordInput):
    """Tells password managers which passwords to suggest (Apple's "Password Rules")."""

    def __call__(self, field: Field, **attributes: Any) -> Markup:
        """Render the field."""
        config = current_app.config
        lengths = config["PASSWORD_MIN_LENGTH"], config["PASSWORD_MAX_LENGTH"]
        rules = "minlength: {}; maxlength: {};".format(*lengths)
        return super().__call__(field, passwordrules=rules, **attributes)


def _name() -> TextField:
    attributes = {"required": True, "autocomplete": "name", "maxlength": NAME_LENGTH}
    return TextField("Name", render_kw=attributes)


def _email(label: str = "Email address", autocomplete: str = "email") -> TextField:
    attributes = {
        "required": True,
        "autocomplete": autocomplete,
        "autocapitalize": "none",
        "spellcheck": "false",
        "maxlength": EMAIL_LENGTH,
    }
    return TextField(label, widget=EmailInput(), render_kw=attributes)


def _password(label: str, autocomplete: str) -> TextField:
    attributes = {"required": True, "autocomplete": autocomplete}
    # The widgets never show a value that was sent.
    widget = NewPasswordInput() if autocomplete == "new-password" else PasswordInput()
    return TextField(label, widget=widget, render_kw=attributes)


def _code() -> TextField:
    return TextField("Code", render_kw=CODE_ATTRIBUTES)


def _next() -> TargetField:
    return TargetField(widget=HiddenInput(), filters=[lambda value: value or ""])


class RegisterForm(Form):
    """A new account."""

    name = _name()
    email = _email()
    password = _password("Password", "new-password")


class EmailForm(Form):
    """An email address that gets an email."""

    email = _email()


class LoginForm(Form):
    """A sign-in."""

    # Browsers also offer passkeys with this field.
    email = _email(autocomplete="username webauthn")
    password = _password("Password", "current-password")
    remember = BooleanField("Keep me signed in on this device")
    next = _next()


class NewPasswordForm(Form):
    """The new password after a link from an email."""

    password = _password("New password", "new-password")


class ProfileForm(Form):
    """The name of a person."""

    name = _name()


class PasskeyForm(Form):
    """The name of a passkey."""

    name = TextField("Name", render_kw={"required": True, "maxlength": NAME_LENGTH})


class ChangePasswordForm(Form):
    """A new password and the current one."""

    current_password = _password("Current password", "current-password")
    password = _password("New password", "new-password")


class ChangeEmailForm(Form):
    """A new email address."""

    email = _email("New email address")


class PasswordForm(Form):
    """The password asked for again."""

    password = _password("Password", "current-password")


class ReauthenticationForm(PasswordForm):
    """The password asked for again, and a code where a second factor is on."""

    code = _code()
    next = _next()


class CodeForm(Form):
    """A code of the second factor."""

    code = _code()

    def ask_for_recovery_code(self) -> None:
        """Ask for a recovery code, which has letters."""
        self.code.label.text = "Recovery code"
        self.code.render_kw = {**CODE_ATTRIBUTES, "inputmode": "text", "autocomplete": "off"}
