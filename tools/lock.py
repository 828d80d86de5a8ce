"""Lock the dependencies of rendered apps: requirements.txt and requirements-dev.txt, with hashes.

    python -m tools.lock              # after you change the dependencies in the app's pyproject.toml
    python -m tools.lock --upgrade    # the newest versions that pyproject.toml allows

One version of each package is chosen for all variants, every Python from 3.11 on, and every system. A
package stands under the `#: if` of the variants that need it, so that each app gets exactly its own.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from itertools import chain, combinations, groupby, product
from pathlib import Path

from jinja2 import Environment

from template_parts import source
from tests.variants import URLS, VARIANTS, Variant

REPOSITORY = Path(__file__).parents[1]
RUN, DEV = "requirements.txt", "requirements-dev.txt"
HEADERS = {
    RUN: """\
# What the app needs to run: exact versions, with the hashes of their files.
# Made from pyproject.toml by `make lock`; don't edit.
""",
    DEV: """\
# What tests and checks need besides: exact versions, with the hashes of their files.
# Made from pyproject.toml by `make lock`; don't edit.
-r requirements.txt
""",
}
# As in the app's own `make lock`.
OPTIONS = (
    "--quiet --universal --python-version 3.11 --fork-strategy fewest"
    " --generate-hashes --no-header --no-annotate"
)

# The lines of a lock that pin one package, and the variants that have them.
Entries = dict[str, frozenset[Variant]]


def resolve(requirements: Iterable[str], known: str, *options: str) -> list[str]:
    """Return the lines that pin each package in the closure of some requirements.

    Args:
        requirements: What pyproject.toml asks for.
        known: Lines of an earlier lock, whose versions are kept where they still fit.
        options: More options for uv.

    Raises:
        subprocess.CalledProcessError: No set of versions fits, or the network is down; uv says which.
    """
    uv = Path(sys.executable).with_name("uv")
    program = str(uv) if uv.exists() else shutil.which("uv") or "uv"
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "lock.txt")
        output.write_text(known, "utf-8")
        subprocess.run(
            [program, "pip", "compile", *OPTIONS.split(), *options, "--output-file", output, "-"],
            input="\n".join(requirements),
            stdout=subprocess.DEVNULL,
            text=True,
            check=True,
        )
        return entries(output.read_text("utf-8"))


def entries(lock: str) -> list[str]:
    """Return the lines of a lock that pin a package, hashes included, package by package."""
    return re.findall(r"^[a-z0-9].*\\\n(?: .*\n)+", lock, re.MULTILINE)


def rendered(text: str, variant: Variant) -> str:
    """Return a file of the template as a variant has it."""
    settings = json.loads((REPOSITORY / "cookiecutter.json").read_text("utf-8"))
    options = {"keep_trailing_newline": True, **settings["_jinja2_env_vars"]}
    environment = Environment(**options, autoescape=False)  # noqa: S701
    return environment.from_string(text).render(cookiecutter=answers(variant))


def answers(variant: Variant) -> Mapping[str, object]:
    """Return what the tags of the template read."""
    return {
        "interface": variant.interface,
        "__file_download": variant.downloads,
        "__backend": variant.backend,
        "__distribution": "app",
        "__quoted_description": "",
    }


def requirements(pyproject: str) -> tuple[list[str], list[str]]:
    """Return the dependencies in a pyproject.toml, and those for development besides."""
    project = tomllib.loads(pyproject)["project"]
    return project["dependencies"], project["optional-dependencies"]["dev"]


def locks(pyproject: str, known: str, *options: str) -> dict[str, Entries]:
    """Return the entries of both files for all variants of a template's pyproject.toml."""
    pins = "".join(resolve(chain(*requirements(pyproject)), known, *options))
    found: dict[str, Entries] = {RUN: {}, DEV: {}}
    resolved: dict[str, tuple[list[str], list[str]]] = {}
    for variant in VARIANTS:
        run, dev = requirements(rendered(pyproject, variant))
        key = "\n".join([*run, "", *dev])
        if key not in resolved:
            alone = resolve(run, pins)
            resolved[key] = (
                alone,
                [each for each in resolve([*run, *dev], pins) if each not in alone],
            )
        for name, lines in zip(found, resolved[key], strict=True):
            for each in lines:
                found[name][each] = found[name].get(each, frozenset()) | {variant}
    return found


def conditions() -> dict[str, frozenset[Variant]]:
    """Return conditions for tags, the simplest first, and the variants for which each is true."""
    web = ("", *(f"cookiecutter.interface {each}" for each in compared("both", "html", "api")))
    backend = ("", *(f"cookiecutter.__backend {each}" for each in compared(*URLS)))
    written = [" and ".join(filter(None, pair)) or "true" for pair in product(web, backend)]
    return {
        each: frozenset(
            variant
            for variant in VARIANTS
            if Environment().compile_expression(each)(cookiecutter=answers(variant))  # noqa: S701
        )
        for each in sorted(written, key=len)
    }


def compared(*values: str) -> list[str]:
    """Return the comparisons of an answer that a tag may hold."""
    return [f'{operator} "{value}"' for value in values for operator in ("!=", "==")]


@cache
def condition(variants: frozenset[Variant]) -> str:
    """Return the shortest condition that is true for exactly these variants.

    Raises:
        ValueError: It depends on something else than the interface and the database.
    """
    known = {name: true for name, true in conditions().items() if true <= variants}
    for count in range(1, len(known) + 1):
        for names in combinations(known, count):
            if frozenset().union(*(known[name] for name in names)) == variants:
                return " or ".join(names)
    raise ValueError(f"no condition for {', '.join(map(str, variants))}")


def tagged(lines: Entries) -> str:
    """Return the entries in the order of their names, under the conditions of their variants."""
    text = ""
    by_name = sorted(lines, key=lambda each: each.partition("=="))
    for tag, group in groupby(by_name, lambda each: condition(lines[each])):
        body = "".join(group)
        text += body if tag == "true" else f"#: if {tag}\n{body}#: endif\n"
    return text


def main() -> None:
    """Write both files."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--upgrade", action="store_true", help="take the newest versions that pyproject.toml allows"
    )
    options = ["--upgrade"] if parser.parse_args().upgrade else []
    files = {name: source() / name for name in HEADERS}
    known = "".join(path.read_text("utf-8") for path in files.values() if path.exists())
    pyproject = (source() / "pyproject.toml").read_text("utf-8")
    for name, lines in locks(
        pyproject, known.replace("-r requirements.txt\n", ""), *options
    ).items():
        files[name].write_text(HEADERS[name] + tagged(lines), "utf-8")
        print(f"{name}: {len(lines)} packages")


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)
