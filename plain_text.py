"""Renders text without Jinja where it has only the tags that this template uses: compiling each file
takes most of the time to render an app."""

import re
from collections.abc import Callable
from functools import cache, partial
from typing import Any

from jinja2 import Environment

# A tag is a whole line, and a variable is an answer. Jinja does all else.
STARTS = ("<<", "#:", "<#")
IF = re.compile(r"[ \t]*#: if (.+)")
END = re.compile(r"[ \t]*#: endif")
VARIABLE = re.compile(r"<<(cookiecutter\.\w+)>>")
# Each line with the conditions around it, the outermost first.
Lines = list[tuple[tuple[str, ...], str]]


class PlainText:
    """Takes the place of a template."""

    def __init__(self, lines: Lines, compile_expression: Callable[[str], Any]) -> None:
        self.lines = lines
        self.compile_expression = compile_expression

    def render(self, *_: object, **context: Any) -> str:
        """Return the text, without the lines whose conditions do not hold."""
        values: dict[str, Any] = {}

        def value(expression: str) -> Any:
            if expression not in values:
                values[expression] = self.compile_expression(expression)(**context)
            return values[expression]

        shown = [line for conditions, line in self.lines if all(map(value, conditions))]
        return VARIABLE.sub(lambda match: str(value(match[1])), "\n".join(shown))


def skip(environment: Environment) -> None:
    """Have an environment return plain text where cookiecutter asks for a template."""
    from_string, get_template = environment.from_string, environment.get_template
    # The same few are in many files.
    compiled = cache(partial(environment.compile_expression, undefined_to_none=False))

    def string(source: Any, *arguments: Any, **keywords: Any) -> Any:
        # Answers come here, in which tags are text, and expressions, which are no longer text.
        if isinstance(source, str) and _is_plain(source, environment):
            return PlainText([((), source)], compiled)
        return from_string(source, *arguments, **keywords)

    def file(name: str, *arguments: Any, **keywords: Any) -> Any:
        loader = environment.loader
        lines = _read(loader.get_source(environment, name)[0], environment) if loader else None
        if lines is not None:
            return PlainText(lines, compiled)
        return get_template(name, *arguments, **keywords)

    environment.from_string = string  # type: ignore[method-assign]
    environment.get_template = file  # type: ignore[method-assign, assignment]


def _is_plain(source: str, environment: Environment) -> bool:
    """Tell whether Jinja would return a text as it is."""
    return _keeps_lines(source, environment) and not any(
        start in source for start in _starts(environment)
    )


def _keeps_lines(source: str, environment: Environment) -> bool:
    keeps_end = environment.keep_trailing_newline or not source.endswith("\n")
    return keeps_end and "\r" not in source


def _starts(environment: Environment) -> tuple[str, str, str]:
    return (
        environment.variable_start_string,
        environment.block_start_string,
        environment.comment_start_string,
    )


def _read(source: str, environment: Environment) -> Lines | None:
    """Split a file into lines; return None if it needs Jinja."""
    if _starts(environment) != STARTS or not _keeps_lines(source, environment):
        return None
    if any(start in VARIABLE.sub("", source) for start in ("<<", "<#")):
        return None
    if "#:" not in source:
        return [((), source)]
    lines: Lines = []
    conditions: list[str] = []
    *before, last = source.split("\n")
    for line in before:
        if "#:" not in line:
            lines.append((tuple(conditions), line))
        elif begin := IF.fullmatch(line):
            conditions.append(begin[1])
        elif END.fullmatch(line) and conditions:
            conditions.pop()
        else:
            return None
    lines.append(((), last))
    return None if conditions or "#:" in last else lines
