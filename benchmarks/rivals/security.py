"""Flask-Security with its defaults."""

import os
from datetime import UTC, datetime

import page
from flask import Flask
from flask_security import Security, SQLAlchemyUserDatastore, hash_password
from flask_security.models import fsqla_v3
from flask_sqlalchemy import SQLAlchemy

app = Flask(__name__, static_folder=page.FOLDER / "static")
app.config["SECRET_KEY"] = "for-benchmarks"
app.config["SECURITY_PASSWORD_SALT"] = "146585145368132386173505678016728509634"
app.config["SQLALCHEMY_DATABASE_URI"] = os.environ["RIVAL_DATABASE_URL"]
db = SQLAlchemy(app)
fsqla_v3.FsModels.set_db_info(db)


class Role(db.Model, fsqla_v3.FsRoleMixin):
    """A role, which Flask-Security asks for."""


class User(db.Model, fsqla_v3.FsUserMixin):
    """An account."""

    name = db.Column(db.String(100))
    created_at = db.Column(db.DateTime)

    @property
    def account(self) -> "User":
        """What the page calls it."""
        return self


store = SQLAlchemyUserDatastore(db, User, Role)
Security(app, store)
page.add(app)
with app.app_context():
    db.create_all()
    if not store.find_user(email="ada@example.com"):
        store.create_user(
            name="Ada",
            email="ada@example.com",
            password=hash_password(os.environ["RIVAL_PASSWORD"]),
            created_at=datetime.now(UTC),
        )
        db.session.commit()
