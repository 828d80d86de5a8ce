"""Writes a copy of the template with the delimiters that every system and tool takes.

Windows allows no `<` in a file name, and cruft looks for `{{` in the folder's:

    python tools/portable.py OUT

OUT must not exist. The copy renders the same apps, byte for byte; a test holds it to that.
"""

import fnmatch
import json
import shutil
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
FOLDER = "<<cookiecutter.project_slug>>"
OURS = ("<<", ">>")
PORTABLE = ("{{", "}}")
# What is no part of the template, or names the delimiters as such.
LEFT_OUT = (".ci", ".github", "benchmarks", "tests", "tools")


def rewritten(text: str) -> str:
    """Return the text with the portable delimiters, and what looks like one kept as it is."""
    start, end = PORTABLE
    literal = f"{start} '{start}' {end}"
    parts = text.split(OURS[0])
    pieces = [parts[0].replace(start, literal)]
    for part in parts[1:]:
        expression, _, rest = part.partition(OURS[1])
        pieces.append(f"{start}{expression}{end}{rest.replace(start, literal)}")
    return "".join(pieces)


def settings(text: str) -> str:
    """cookiecutter.json with the portable delimiters."""
    questions = json.loads(text)
    delimiters = questions["_jinja2_env_vars"]
    delimiters["variable_start_string"], delimiters["variable_end_string"] = PORTABLE
    for name, value in questions.items():
        if isinstance(value, str):
            questions[name] = rewritten(value)
    return json.dumps(questions, ensure_ascii=False, indent=2) + "\n"


def files() -> list[str]:
    """Return every file of the repository that git does not ignore."""
    listing = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    names = subprocess.run(listing, cwd=REPOSITORY, capture_output=True, check=True).stdout
    return [name for name in names.decode().split("\0") if (REPOSITORY / name).is_file()]


def write(out: Path) -> None:
    """Write the portable copy to a new folder.

    Raises FileExistsError.
    """
    out.mkdir(parents=True)
    questions = json.loads((REPOSITORY / "cookiecutter.json").read_text("utf-8"))
    copied = questions["_copy_without_render"]
    for name in files():
        if name.startswith(tuple(f"{folder}/" for folder in LEFT_OUT)):
            continue
        source, target = (
            REPOSITORY / name,
            out / name.replace(FOLDER, "{{cookiecutter.project_slug}}"),
        )
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)
        inside = name.removeprefix(f"{FOLDER}/")
        plain = any(fnmatch.fnmatch(inside, pattern) for pattern in copied)
        if name == "cookiecutter.json":
            target.write_text(settings(source.read_text("utf-8")), "utf-8")
        elif (inside != name and not plain) or name.startswith("hooks/"):
            target.write_text(rewritten(source.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python tools/portable.py OUT")
    try:
        write(Path(sys.argv[1]))
    except FileExistsError:
        sys.exit(f"{sys.argv[1]} exists already")
