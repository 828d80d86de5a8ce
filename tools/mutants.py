"""Mutation testing: change the app's code in small ways, one at a time, and see if a test fails.

    python -m tools.mutants [--files app/security.py ...] [--sample 300] [--processes 2] [--limit 15]
                            [--again] [--report]

mutmut changes the functions in FILES; `mutant_runner.py` runs the tests that reach them, quick ones
first. Results are kept in `.mutants/`: a run that was stopped continues, and only changed functions
are tried again, or with --again those that were not killed too. With --sample, only so many mutants
are tried, always the same; how many of all would be killed is estimated from them. With --limit, a
mutant is given up after so many seconds of processor time, and counts as not killed.
Exits with 1 if fewer than 90 % of the mutants are killed, or if one survives that docs/mutants.md
does not list.
"""

import argparse
import ast
import hashlib
import json
import math
import os
import random
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests import commands
from tests.conftest import REPOSITORY, SOURCE
from tests.environments import requirements
from tools.mutant_changes import changes_words, description

WORK = REPOSITORY / ".mutants"
APP = WORK / "app"  # mutmut takes the app for a project of its own
ACCEPTED = REPOSITORY / "docs" / "mutants.md"
FILES = [
    "app/accounts/*.py",
    "app/accounts/cli/*.py",
    "app/accounts/factors/*.py",
    "app/accounts/passkeys/*.py",
    "app/columns.py",
    "app/security.py",
    "app/web/guards.py",
    "app/web/browser.py",
    "app/web/csrf.py",
    "app/api/operations.py",
    "app/downloads/files.py",
]
ENOUGH = 0.9
# What mutmut writes for a mutant: how its tests ended.
OUTCOMES = {
    0: "survived",
    5: "no tests",
    33: "no tests",
    34: "skipped",
    35: "given up",
    24: "timeout",
    36: "timeout",
}
KILLED = ("killed", "timeout")
ALIVE = ("survived", "no tests", "given up")
SETTINGS = """
[tool.mutmut]
source_paths = ["app"]
only_mutate = {files}
also_copy = {others}
use_git_change_detection = false
"""
# Makes the mutants, and tries none: the first part of `mutmut run`.
GENERATE = """
import os
from mutmut import __main__ as mutmut
os.makedirs("mutants", exist_ok=True)
mutmut.set_mutant_under_test("mutant_generation")
mutmut.copy_src_dir()
mutmut.copy_also_copy_files()
mutmut.setup_source_paths()
mutmut.create_mutants(1)
"""
# Nothing that fails needs an explanation, nor another order.
PYTEST = "-m pytest -q -p mutant_runner -p no:cacheprovider -p no:xdist -p no:randomly"
PYTEST += " --assert=plain --tb=native"


def copy_app(files: list[str]) -> None:
    """Bring the copy up to date. A file that did not change is left alone: so is what was found."""
    names = [name for name in tracked() if not name.startswith(".github")]
    for name in names:
        text = (SOURCE / name).read_bytes()
        if name.endswith(".py"):
            text = prepared(name, text.decode()).encode()
        if name == "pyproject.toml":
            others = sorted({name.partition("/")[0] for name in names} - {"app", "tests", name})
            text += SETTINGS.format(files=json.dumps(files), others=json.dumps(others)).encode()
        target = APP / name
        if not target.exists() or target.read_bytes() != text:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(text)


def tracked() -> Iterator[str]:
    """Return the files of the app that git knows, by their paths in it."""
    command = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    listing = commands.run(*command, folder=SOURCE).stdout
    return (name for name in listing.split("\0") if name and (SOURCE / name).is_file())


def prepared(name: str, text: str) -> str:
    """Return a module's code, such that mutmut reaches all of it."""
    if not name.startswith("app/"):
        return text
    tree = ast.parse(text)
    changed = [undecorate(node.body, method=node is not tree) for node in scopes(tree)]
    return ast.unparse(tree) if any(changed) else text


def scopes(tree: ast.Module) -> list[ast.Module | ast.ClassDef]:
    """Return the module and its classes."""
    return [tree, *(node for node in tree.body if isinstance(node, ast.ClassDef))]


def undecorate(body: list[ast.stmt], *, method: bool) -> bool:
    """Move the code of decorated functions into plain ones: mutmut skips what is decorated.

    Returns whether there were any.
    """
    found = False
    for index, node in reversed(list(enumerate(body))):
        if not isinstance(node, ast.FunctionDef) or not node.decorator_list or unmovable(node):
            continue
        plain = ast.FunctionDef(
            **{**vars(node), "name": f"plain_{node.name}", "decorator_list": []}
        )
        names = [argument.arg for argument in node.args.args]
        called = f"{names.pop(0)}.{plain.name}" if method else plain.name
        given = [*names, *(f"{argument.arg}={argument.arg}" for argument in node.args.kwonlyargs)]
        documentation = [node.body[0]] if ast.get_docstring(node) else []
        node.body = [*documentation, *ast.parse(f"return {called}({', '.join(given)})").body]
        body.insert(index, plain)
        found = True
    return found


def unmovable(node: ast.FunctionDef) -> bool:
    """Return whether a function cannot be called by the names of its arguments."""
    decorators = {ast.unparse(each) for each in node.decorator_list}
    return bool(
        node.args.vararg
        or node.args.kwarg
        or node.args.posonlyargs
        or decorators & {"staticmethod", "classmethod", "overload"}
        or any(each.endswith(".setter") for each in decorators)
    )


def install() -> Path:
    """Return the `bin` of an environment for the app and mutmut, made again when they change."""
    wanted = "\n".join([*requirements(SOURCE), "mutmut>=3.8,<4"])
    installed, asked = WORK / "installed.txt", WORK / "requirements.txt"
    if not installed.exists() or installed.read_text("utf-8") != wanted:
        asked.write_text(wanted, "utf-8")
        commands.make_environment(WORK, "-r", asked)
        asked.rename(installed)
    return WORK / ".venv" / "bin"


def outcomes(files: list[str]) -> dict[str, str]:
    """Return what became of each mutant of these files, by its name."""
    found: dict[str, str] = {}
    paths = {path for name in files for path in (APP / "mutants").glob(f"{name}.meta")}
    for path in sorted(paths):
        for name, code in json.loads(path.read_text("utf-8"))["exit_code_by_key"].items():
            found[name] = "not tried" if code is None else OUTCOMES.get(code, "killed")
    return found


def sample(names: list[str], size: int | None) -> list[str]:
    """Choose mutants by chance: the same of the same ones, and a larger sample holds a smaller."""
    return sorted(names, key=lambda name: random.Random(name).random())[:size]  # noqa: S311


def margin(share: float, tried: int, mutants: int) -> float:
    """Return how far the share of all mutants may be from that of those tried, 19 times in 20."""
    untried = (mutants - tried) / max(mutants - 1, 1)
    return 1.96 * math.sqrt(share * (1 - share) / max(tried, 1) * untried)


def report(found: dict[str, str], *, sampled: bool = False) -> int:
    """Print the count and what is not explained; the exit status."""
    accepted = ACCEPTED.read_text("utf-8")
    survivors = {
        name: description(name, APP / "mutants")
        for name, outcome in found.items()
        if outcome in ALIVE
    }
    worded = [name for name in survivors if changes_words(name, APP / "mutants")]
    unexplained = [
        name
        for name, change in survivors.items()
        if name not in worded and f"{change}\n" not in accepted
    ]
    for name in unexplained:
        print(f"{found[name]}: {name}\n  {survivors[name]}")
    counts = Counter(found.values())
    tried = len(found) - counts["not tried"] - counts["skipped"]
    share = sum(counts[outcome] for outcome in KILLED) / max(tried, 1)
    print(", ".join(f"{outcome} {number}" for outcome, number in counts.most_common()))
    print(f"{share:.1%} of {tried} mutants killed; {len(unexplained)} survivors not explained,")
    print(f"besides {len(worded)} that only change the words of a message")
    if sampled:
        error = margin(share, tried, len(found) - counts["skipped"])
        print(f"Of all {len(found)}: {share:.1%}, give or take {error:.1%}")
    incomplete = counts["not tried"] > 0 and not sampled
    return int(share < ENOUGH or bool(unexplained) or incomplete)


def run(options: argparse.Namespace) -> None:
    """Try the mutants that were not tried yet; all, or those of a sample."""
    files: list[str] = options.files
    copy_app(files)
    python = install() / "python"
    settings = {"PATH": f"{python.parent}:{os.environ['PATH']}"}
    commands.run(python, "-c", GENERATE, folder=APP, settings=settings)
    statistics = WORK / f"statistics-{digest(files)}.json"
    if not statistics.exists():
        wait_for([start(python, {"statistics": str(statistics), "limit": None}, 0)])
    found = outcomes(files)
    waiting = ("not tried", *ALIVE) if options.again else ("not tried",)
    names = [name for name in sample(list(found), options.sample) if found[name] in waiting]
    orders = [
        {"statistics": str(statistics), "limit": options.limit, "mutants": share}
        for share in shares(names, options.processes)
    ]
    wait_for([start(python, each, number) for number, each in enumerate(orders)])


def digest(files: list[str]) -> str:
    """Return what changes when the tests of a mutant may be others: with any Python of the app."""
    paths = [APP / name for name in tracked() if name.endswith(".py")]
    parts = [json.dumps(files).encode(), *(path.read_bytes() for path in paths)]
    return hashlib.sha256(b"".join(parts)).hexdigest()[:12]


def shares(names: list[str], processes: int) -> list[list[str]]:
    """Divide mutants among processes. Those of one module stay together: they are in one file."""
    modules: dict[str, list[str]] = defaultdict(list)
    for name in names:
        modules[name.rpartition(".")[0]].append(name)
    divided: list[list[str]] = [[] for _ in range(processes)]
    for each in sorted(modules.values(), key=len, reverse=True):
        min(divided, key=len).extend(each)
    return [share for share in divided if share]


def start(python: Path, orders: dict[str, Any], number: int) -> subprocess.Popen[bytes]:
    """Start the plugin in a process of its own, with a folder of its own."""
    written = WORK / f"orders-{number}.json"
    written.write_text(json.dumps(orders), "utf-8")
    settings = {
        "MUTANT_ORDERS": str(written),
        "PYTHONPATH": str(Path(__file__).parent),
        "MUTANT_UNDER_TEST": "none",
    }
    options = [*PYTEST.split(), f"--basetemp={WORK}/temporary-{number}"]
    command = [str(python), *options, "tests"]
    return subprocess.Popen(command, cwd=APP / "mutants", env=commands.environment(settings))


def wait_for(running: list[subprocess.Popen[bytes]]) -> None:
    """Wait for processes. Raises CalledProcessError if one fails."""
    for process in running:
        if process.wait():
            raise subprocess.CalledProcessError(process.returncode, process.args)


def main() -> int:
    """Run mutmut and report."""
    parser = argparse.ArgumentParser(description="Mutation testing of the app.")
    parser.add_argument("--files", nargs="+", default=FILES)
    parser.add_argument("--sample", type=int, help="how many mutants to try, of all files together")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--limit", type=float, help="seconds of processor time for each mutant")
    parser.add_argument("--again", action="store_true", help="also try those that were not killed")
    parser.add_argument("--report", action="store_true", help="only show what was found")
    options = parser.parse_args()
    if not options.report:
        run(options)
    return report(outcomes(options.files), sampled=options.sample is not None)


if __name__ == "__main__":
    sys.exit(main())
