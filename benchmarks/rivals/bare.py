"""What people write by hand: Flask, Flask-Login and Flask-SQLAlchemy, one statement for each page."""

import os
from datetime import UTC, datetime

import page
from flask import Flask, redirect, request
from flask_login import LoginManager, UserMixin, login_user
from flask_sqlalchemy import SQLAlchemy
from werkzeug.security import check_password_hash, generate_password_hash

app = Flask(__name__, static_folder=page.FOLDER / "static")
app.config["SECRET_KEY"] = "for-benchmarks"
app.config["SQLALCHEMY_DATABASE_URI"] = os.environ["RIVAL_DATABASE_URL"]
db = SQLAlchemy(app)
login_manager = LoginManager(app)


class User(db.Model, UserMixin):
    """An account."""

    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String(100))
    email = db.Column(db.String(254), unique=True)
    password = db.Column(db.String(255))
    created_at = db.Column(db.DateTime)

    @property
    def account(self) -> "User":
        """What the page calls it."""
        return self


@login_manager.user_loader
def load(user_id):
    """Find who is signed in."""
    return db.session.get(User, int(user_id))


@app.route("/login", methods=["GET", "POST"])
def login():
    """Sign in."""
    user = db.session.scalar(db.select(User).filter_by(email=request.form.get("email")))
    if user and check_password_hash(user.password, request.form["password"]):
        login_user(user)
        return redirect("/account", 303)
    return "csrf_token: none", 200


page.add(app)
with app.app_context():
    db.create_all()
    if not db.session.scalar(db.select(User)):
        password = generate_password_hash(os.environ["RIVAL_PASSWORD"])
        db.session.add(
            User(
                name="Ada", email="ada@example.com", password=password, created_at=datetime.now(UTC)
            )
        )
        db.session.commit()
