"""What mutants change: a list of those stays right when their numbers shift."""

import ast
import difflib
import re
from functools import cache
from pathlib import Path

# A text with spaces in code that `ast.unparse` wrote.
WORDS = re.compile(
    r"""'(?:[^'\\\n]|\\.)* (?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)* (?:[^"\\\n]|\\.)*\""""
)


def description(mutant: str, folder: Path) -> str:
    """Return a mutant's function, and the lines that it changes, as Markdown.

    `mutant` is a name of mutmut's, `folder` has the files that it wrote. An example:
    `app.accounts.tokens.new`: `token = token_urlsafe(32)` → `token = token_urlsafe(33)`
    """
    module, _, mangled = mutant.partition("__mutmut_")[0].rpartition(".")
    lines = difflib.ndiff(*versions(mutant, folder))
    changed = [line for line in lines if line[0] in "-+"]
    old, new = (" ".join(line[2:].strip() for line in changed if line[0] == sign) for sign in "-+")
    name = mangled.removeprefix("x_").removeprefix("xǁ").replace("ǁ", ".").replace("plain_", "")
    return f"`{module}.{name}`: `{old}` → `{new}`"


def changes_words(mutant: str, folder: Path) -> bool:
    """Return whether a mutant only changes the words of a message: a text with spaces."""
    before, after = (WORDS.sub("", "\n".join(lines)) for lines in versions(mutant, folder))
    return before == after


def versions(mutant: str, folder: Path) -> tuple[list[str], list[str]]:
    """Return the lines of a mutant's function, before and after."""
    module, _, mangled = mutant.rpartition(".")
    path = folder / module.replace(".", "/")
    codes = functions((path / "__init__" if path.is_dir() else path).with_suffix(".py"))
    return codes[f"{mangled.partition('__mutmut_')[0]}__mutmut_orig"], codes[mangled]


@cache
def functions(path: Path) -> dict[str, list[str]]:
    """Return the lines of all functions of a file, methods included, by their names."""
    tree = ast.parse(path.read_text("utf-8"))
    return {
        node.name: "\n".join(map(ast.unparse, [node.args, *node.body])).splitlines()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
    }
