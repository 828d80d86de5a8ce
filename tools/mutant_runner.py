"""A pytest plugin that tries mutants, each in a fork of one process that is ready to test.

`tools/mutants.py` runs it in a folder with mutmut's mutants. Tests are collected, the database is
migrated and the app is created once; a fork costs milliseconds. Its orders are a JSON file:

    mutants: the names to try; without them, the tests that reach each function are noted
    statistics: the file of those notes
    limit: seconds of processor time after which a mutant is left alone, or null
"""

import contextlib
import importlib
import json
import math
import os
import shutil
import signal
import time
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import hypothesis
import pytest

ORDERS = json.loads(Path(os.environ["MUTANT_ORDERS"]).read_text("utf-8"))
STATISTICS = Path(ORDERS["statistics"])
# They start programs, which know nothing of the mutant, or look at files that mutmut wrote.
LEFT_OUT = (
    "tests/test_start.py",
    "tests/database/test_backups.py",
    "tests/test_docs.py",
    "tests/test_locks.py",
    "tests/test_imports.py",
    "tests/test_commands.py",
    "test_a_thousand_jobs_in_flight",
)
# Seconds after which a test hangs, and how many times longer than usual it may take.
PATIENCE, FACTOR = 60, 40
# What mutmut writes for a mutant.
SURVIVED, KILLED, NO_TESTS, GIVEN_UP, TIMEOUT = 0, 1, 33, 35, 36


class Listener:
    """Knows whether the current test has failed, and which functions were reached."""

    failed = False

    def __init__(self) -> None:
        self.reached: set[str] = set()
        self.at_start: set[str] = set()

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Generator[None, Any, Any]:
        """Note what is reached before the first test: by what lasts for the session."""
        earlier = set(self.reached)
        result = yield
        if fixturedef.scope == "session":
            self.at_start |= self.reached - earlier
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a failure of set-up, test or teardown."""
        self.failed = self.failed or report.failed


LISTENER = Listener()


def pytest_sessionstart() -> None:
    """Let Hypothesis stop at the first failure, without a search for a simpler one."""
    phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
    usual = hypothesis.settings.get_profile("repeatable")
    hypothesis.settings.register_profile("mutants", usual, phases=phases)
    hypothesis.settings.load_profile("mutants")


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool:
    """Try the mutants instead of running the tests."""
    plugins = session.config.pluginmanager
    plugins.unregister(name="terminalreporter")
    plugins.register(LISTENER)
    session.items = [item for item in session.items if not left_out(item.nodeid)]
    if "mutants" in ORDERS:
        Runner(session.items).try_all(ORDERS["mutants"])
    else:
        take_statistics(session.items)
    return True


def left_out(test: str) -> bool:
    """Return whether a test is useless here."""
    return any(part in test for part in LEFT_OUT)


def plain_test(items: Iterable[pytest.Item]) -> pytest.Item:
    """Return a test that needs the shared app, whichever."""
    return next(item for item in items if "shared_app" in getattr(item, "fixturenames", ()))


def passes(item: pytest.Item, following: pytest.Item) -> bool:
    """Run one test. What lasts for a session is kept for the following one."""
    LISTENER.failed = False
    item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
    return not LISTENER.failed


def take_statistics(items: list[pytest.Item]) -> None:
    """Write which tests reach each function, and how many seconds each test takes.

    Each test runs in a fork, as with a mutant: what an earlier one left in a cache would hide what
    a later one reaches.
    """
    trampoline = importlib.import_module("mutmut.mutation.trampoline")
    trampoline.__dict__["record_trampoline_hit"] = lambda name, caller: LISTENER.reached.add(name)
    os.environ["MUTANT_UNDER_TEST"] = "stats"
    ready = Ready(items)
    ready.start_app()
    tests: dict[str, list[str]] = defaultdict(list)
    seconds: dict[str, float] = {}
    for item in items:
        _, found = ready.fork(partial(reach, item, ready.last))
        if not found:
            print("fails without a mutant:", item.nodeid)
            continue
        seconds[item.nodeid], reached = json.loads(found)
        for name in reached:
            tests[name].append(item.nodeid)
    at_start = sorted(LISTENER.at_start)
    noted = {"tests": tests, "seconds": seconds, "at_start": at_start}
    STATISTICS.write_text(json.dumps(noted), "utf-8")


def reach(item: pytest.Item, following: pytest.Item) -> tuple[int, str]:
    """Run a test. Return whether it failed and, unless it did, its seconds and what it reaches."""
    LISTENER.reached.clear()
    began = time.process_time()
    if not passes(item, following):
        return KILLED, ""
    return SURVIVED, json.dumps([time.process_time() - began, sorted(LISTENER.reached)])


class Ready:
    """A process that is ready to test, and its forks."""

    def __init__(self, items: list[pytest.Item]) -> None:
        self.items = {item.nodeid: item for item in items}
        self.last = items[-1]
        self.databases: list[tuple[Path, Path]] = []

    def start_app(self) -> None:
        """Create the app and its database by one test, and keep a copy of the database."""
        item = plain_test(self.items.values())
        if not passes(item, self.last):
            raise RuntimeError(f"fails without a mutant: {item.nodeid}")
        fixtures: Any = getattr(item, "_fixtureinfo").name2fixturedefs  # noqa: B009
        app = fixtures["shared_app"][0].cached_result[0]
        with app.app_context():
            engine = importlib.import_module("app.extensions").db.engine
            engine.dispose()
        used = Path(engine.url.database)
        self.databases = [(used, used.with_name("clean.db"))]
        shutil.copy(*self.databases[0])

    def fork(self, work: Callable[[], tuple[int, str]]) -> tuple[int, str]:
        """Do something in a fork: what it returns is a status and a text."""
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.setpgid(0, 0)
            finish(work, writing)
        os.close(writing)
        with os.fdopen(reading, "rb") as stream:
            text = stream.read().decode()
        _, status = os.waitpid(child, 0)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)  # what its tests started
        for used, clean in self.databases:
            shutil.copy(clean, used)
            for end in ("-wal", "-shm", "-journal"):
                Path(f"{used}{end}").unlink(missing_ok=True)
        return TIMEOUT if os.WIFSIGNALED(status) else os.WEXITSTATUS(status), text


def finish(work: Callable[[], tuple[int, str]], writing: int) -> NoReturn:
    """Do something without output, and end the process."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    try:
        status, text = work()
        with os.fdopen(writing, "wb") as stream:
            stream.write(text.encode())
    except BaseException:
        os._exit(KILLED)
    os._exit(status)


class Runner:
    """Tries mutants."""

    def __init__(self, items: list[pytest.Item]) -> None:
        self.ready = Ready(items)
        found = json.loads(STATISTICS.read_text("utf-8"))
        self.tests: dict[str, list[str]] = found["tests"]
        self.seconds: dict[str, float] = found["seconds"]
        self.at_start: list[str] = found["at_start"]
        self.killers: dict[str, list[str]] = defaultdict(list)
        self.limit: float = ORDERS["limit"] or math.inf

    def try_all(self, mutants: list[str]) -> None:
        """Try mutants and write what became of each: first those of code that starts the app."""
        os.environ["MUTANT_UNDER_TEST"] = "none"
        early = [mutant for mutant in mutants if function(mutant) in self.at_start]
        self.try_some(early)
        self.ready.start_app()
        self.try_some([mutant for mutant in mutants if mutant not in set(early)])

    def try_some(self, mutants: list[str]) -> None:
        """Try mutants and write what became of each."""
        for mutant in mutants:
            names = self.chosen(mutant)
            code, killer = NO_TESTS, ""
            if names:
                code, killer = self.ready.fork(partial(self.attempt, mutant, names))
            if killer:
                for scope in (function(mutant), module(mutant)):
                    self.killers[scope] = [killer, *self.killers[scope]][:20]
            write(mutant, code)

    def chosen(self, mutant: str) -> list[str]:
        """Return the tests that reach a mutant, those likely to kill it soon first."""
        names = self.tests.get(function(mutant), [])
        if function(mutant) in self.at_start:
            names = list(self.seconds)
        killers = [*self.killers[function(mutant)], *self.killers[module(mutant)]]
        subject = module(mutant).rpartition(".")[2].rstrip("s")

        def order(name: str) -> tuple[int, bool, float]:
            recent = killers.index(name) if name in killers else len(killers)
            fits = subject in name.partition("::")[0]
            return recent, not fits, self.seconds[name]

        return sorted((name for name in names if name in self.ready.items), key=order)

    def attempt(self, mutant: str, names: list[str]) -> tuple[int, str]:
        """Run tests with a mutant until one fails. Return what mutmut writes, and which failed."""
        os.environ["MUTANT_UNDER_TEST"] = mutant
        last = self.ready.last.nodeid
        began = time.process_time()
        for name, following in zip(names, [*names[1:], last], strict=True):
            if time.process_time() - began > self.limit:
                return GIVEN_UP, ""
            signal.setitimer(signal.ITIMER_REAL, PATIENCE + FACTOR * self.seconds[name])
            if not passes(self.ready.items[name], self.ready.items[following]):
                return KILLED, name
        return SURVIVED, ""


def function(mutant: str) -> str:
    """Return the function of a mutant, as mutmut calls it."""
    return mutant.partition("__mutmut_")[0]


def module(mutant: str) -> str:
    """Return the module of a mutant."""
    return mutant.rpartition(".")[0]


def write(mutant: str, code: int) -> None:
    """Write what became of a mutant where mutmut keeps it. No other process has the same file."""
    path = Path(module(mutant).replace(".", "/"))
    path = (path / "__init__" if path.is_dir() else path).with_suffix(".py.meta")
    found = json.loads(path.read_text("utf-8"))
    found["exit_code_by_key"][mutant] = code
    path.write_text(json.dumps(found, indent=4), "utf-8")
