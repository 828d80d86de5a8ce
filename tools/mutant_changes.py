"""What mutants change: a list of those stays right when their numbers shift."""

import ast
import difflib
from functools import cache
from pathlib import Path


def description(mutant: str, folder: Path) -> str:
    """Return a mutant's function, and the lines that it changes, as Markdown.

    `mutant` is a name of mutmut's, `folder` has the files that it wrote. An example:
    `app.accounts.tokens.new`: `token = token_urlsafe(32)` → `token = token_urlsafe(33)`
    """
    function, _, _ = mutant.partition("__mutmut_")
    module, _, mangled = function.rpartition(".")
    codes = functions(folder / f"{module.replace('.', '/')}.py")
    lines = difflib.ndiff(codes[f"{mangled}__mutmut_orig"], codes[mutant.rpartition(".")[2]])
    changed = [line for line in lines if line[0] in "-+"]
    old, new = (" ".join(line[2:].strip() for line in changed if line[0] == sign) for sign in "-+")
    name = mangled.removeprefix("x_").removeprefix("xǁ").replace("ǁ", ".").replace("plain_", "")
    return f"`{module}.{name}`: `{old}` → `{new}`"


@cache
def functions(path: Path) -> dict[str, list[str]]:
    """Return the lines of all functions of a file, methods included, by their names."""
    tree = ast.parse(path.read_text("utf-8"))
    return {
        node.name: "\n".join(map(ast.unparse, [node.args, *node.body])).splitlines()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
    }
