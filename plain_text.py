"""Leaves text without tags to itself: compiling each file takes most of the time to render an app."""

from typing import Any

from jinja2 import Environment


class PlainText:
    """Takes the place of a template that has no tags."""

    def __init__(self, text: str) -> None:
        self.text = text

    def render(self, *_: object, **__: object) -> str:
        """Return the text."""
        return self.text


def skip(environment: Environment) -> None:
    """Have an environment return plain text where cookiecutter asks for a template."""
    from_string, get_template = environment.from_string, environment.get_template

    def string(source: str, *arguments: Any, **keywords: Any) -> Any:
        if _is_plain(source, environment):
            return PlainText(source)
        return from_string(source, *arguments, **keywords)

    def file(name: str, *arguments: Any, **keywords: Any) -> Any:
        loader = environment.loader
        source = loader.get_source(environment, name)[0] if loader else ""
        if loader and _is_plain(source, environment):
            return PlainText(source)
        return get_template(name, *arguments, **keywords)

    environment.from_string = string  # type: ignore[method-assign, assignment]
    environment.get_template = file  # type: ignore[method-assign, assignment]


def _is_plain(source: str, environment: Environment) -> bool:
    """Tell whether Jinja would return a text as it is."""
    starts = (
        environment.variable_start_string,
        environment.block_start_string,
        environment.comment_start_string,
    )
    keeps_end = environment.keep_trailing_newline or not source.endswith("\n")
    return keeps_end and "\r" not in source and not any(start in source for start in starts)
