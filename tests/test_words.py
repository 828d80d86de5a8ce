"""No document uses a word that docs/style.md replaces."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
STYLE = ROOT / "docs" / "style.md"
# What people read. Mutants are listed as the tool prints them; of licenses every word counts.
SUFFIXES = {
    ".css",
    ".conf",
    ".html",
    ".js",
    ".md",
    ".py",
    ".service",
    ".toml",
    ".txt",
    ".yaml",
    ".yml",
}
LEFT_OUT = re.compile(
    r"requirements|docs/(mutants|style)\.md|\.venv[^/]*/|\.mutants/|\.git/|node_modules/"
)
# "The mail server" is one, and so is the program that people read emails with.
KINDS_OF_MAIL = r"(?! (?:server|program|scanner)s?\b)"


def replaced_words() -> re.Pattern[str]:
    """Return the first column of the table, as one pattern."""
    table = STYLE.read_text("utf-8").partition("| --- | --- |\n")[2]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("|")]
    words = sorted({word.strip() for row in rows for word in row.split(",")}, key=len, reverse=True)
    assert len(words) > 40
    pattern = "|".join(map(re.escape, words))
    return re.compile(rf"\b(?:{pattern})\b{KINDS_OF_MAIL}", re.IGNORECASE)


def prose(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines of a file that people read, without code in backticks."""
    text = path.read_text("utf-8")
    lines = list(enumerate(text.splitlines(), 1))
    if path.suffix == ".py":
        lines = [*comments(text), *docstrings(text)]
    elif path.suffix == ".md":
        fenced = re.sub(
            r"^```.*?^```", lambda block: "\n" * block[0].count("\n"), text, flags=re.M | re.S
        )
        lines = list(enumerate(fenced.splitlines(), 1))
    for number, line in lines:
        yield number, re.sub(r"`[^`]*`|\]\([^)]*\)", "", line)


def comments(source: str) -> Iterator[tuple[int, str]]:
    """Yield the comments of a module."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT and not token.string.startswith("#:"):
            yield token.start[0], token.string


def docstrings(source: str) -> Iterator[tuple[int, str]]:
    """Yield the lines of a module's docstrings, and the names of its tests as words."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            continue
        if not isinstance(node, ast.Module) and node.name.startswith("test_"):
            yield node.lineno, node.name.replace("_", " ")
        if docstring := ast.get_docstring(node, clean=False):
            first = node.body[0].lineno
            yield from enumerate(docstring.splitlines(), first)


def files() -> list[Path]:
    """Return every file that people read."""
    return [
        path
        for path in ROOT.rglob("*")
        if path.suffix in SUFFIXES and path.is_file()
        if not LEFT_OUT.search(path.relative_to(ROOT).as_posix())
    ]


def test_no_document_uses_an_old_word() -> None:
    pattern = replaced_words()
    found = [
        f"{path.relative_to(ROOT)}:{number}: {match[0]}: {line.strip()}"
        for path in files()
        for number, line in prose(path)
        for match in pattern.finditer(line)
    ]
    assert not found, "docs/style.md has other words for these:\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.md", "It is sent by mail."),
        ("a.html", "<p>Somebody, probably you, asked.</p>"),
        ("a.py", '"""Store a page anew."""'),
        ("a.py", "x = 1  # what is in hand"),
        ("a.py", "def test_a_mail_is_sent() -> None: ..."),
    ],
)
def test_an_old_word_is_found(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    assert any(replaced_words().search(line) for _, line in prose(path))


@pytest.mark.parametrize(
    "text", ["the mail server", "`by mail` is code", "```\nmails = []\n```\n", "an email"]
)
def test_other_words_are_not_found(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.md"
    path.write_text(text)
    assert not any(replaced_words().search(line) for _, line in prose(path))
