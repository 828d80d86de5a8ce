"""Typed objects of which each app has one."""

from typing import Generic, TypeVar, cast

from flask import Flask, current_app

Value = TypeVar("Value")


class PerApp(Generic[Value]):
    """A typed place in `app.extensions`."""

    def __init__(self, name: str) -> None:
        self.name = name

    def set(self, app: Flask, value: Value) -> None:
        """Give an app its own."""
        app.extensions[self.name] = value

    def of(self, app: Flask) -> Value:
        """Return an app's own. Raises KeyError if it has none."""
        return cast(Value, app.extensions[self.name])

    def current(self) -> Value:
        """Return the current app's own. Raises KeyError if it has none."""
        return self.of(current_app)
