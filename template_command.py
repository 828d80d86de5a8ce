"""What is known of the command that asks: the folder it writes to, and how to run it again.

Cookiecutter and cruft are programs made with click, and run `answers.py` in their own process.
Called from Python instead, nothing is known, and nothing is said.
"""

import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click


def options() -> Mapping[str, Any]:
    """Return the options of the running command; none without one."""
    context = click.get_current_context(silent=True)
    return {} if context is None else context.params


def existing_folder(slug: str) -> Path | None:
    """Return the app's folder if it exists and the command may not write into it."""
    output_dir = options().get("output_dir")
    if output_dir is None or options().get("overwrite_if_exists"):
        return None
    folder = Path(output_dir, slug)
    return folder if folder.exists() else None


def command_to_go_on(answers: Mapping[str, str]) -> str:
    """Return the command that asks again with the answers given so far as defaults.

    Empty if no question was asked: all answers are on the command line then.
    """
    # Only cookiecutter has this option; cruft takes answers in another form.
    if not answers or options().get("no_input", True) or "accept_hooks" not in options():
        return ""
    program = Path(sys.argv[0])
    found = shutil.which(program.name)
    command = [program.name if found and Path(found).samefile(program) else str(program)]
    given = {f"{name}=" for name in answers}
    command += [word for word in sys.argv[1:] if not word.startswith(tuple(given))]
    return shlex.join([*command, *(f"{name}={value}" for name, value in answers.items())])
