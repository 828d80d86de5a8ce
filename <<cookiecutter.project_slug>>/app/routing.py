"""Routes: a part of each is made only when it is needed."""

from collections.abc import Callable
from functools import cache
from typing import Any

from werkzeug.routing import Rule


class LazyRule(Rule):
    """A route that compiles the functions that build its URLs when a URL is first built.

    Werkzeug compiles two for each route while the app starts, and most processes use few of them.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        compile_it = super()._compile_builder
        compiled = cache(lambda: compile_it(append_unknown))

        # Whatever values are called, also `rule`.
        def build(rule: Rule, /, **values: Any) -> tuple[str, str]:
            return compiled()(rule, **values)

        return build
