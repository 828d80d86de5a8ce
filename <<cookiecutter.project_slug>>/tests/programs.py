"""Run Python programs in processes of their own that don't import everything first.

A server process imports the app once. Each program is a fork of it, with an environment of its
own, and starts with `wsgi.py` or a command like any other.
"""

import multiprocessing
import os
import runpy
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pkgutil import walk_packages
from typing import TextIO

import app

SECONDS = 300  # only guards against hanging


@dataclass(frozen=True)
class Running:
    """A program that runs, and what it writes."""

    process: ForkServerProcess
    stdout: TextIO
    stderr: TextIO

    def ended(self) -> int:
        """Wait for the end of the program and return its exit code."""
        self.process.join(SECONDS)
        assert self.process.exitcode is not None, "the program does not end"
        return self.process.exitcode


@dataclass(frozen=True)
class Ended:
    """A program that has ended, and what it wrote."""

    returncode: int
    stdout: str
    stderr: str


@contextmanager
def started(arguments: Sequence[str], environment: Mapping[str, str]) -> Iterator[Running]:
    """Run a program until the block ends, as `python ARGUMENTS` would in this folder.

    Args:
        arguments: `-m`, the name of a module and its arguments; or `-c`, code and its arguments.
        environment: The environment variables of the program, and no others.
    """
    server = multiprocessing.get_context("forkserver")
    modules = [module.name for module in walk_packages(app.__path__, "app.")]
    server.set_forkserver_preload(["__main__", *modules, "flask.cli"])
    (stdout, its_stdout), (stderr, its_stderr) = socket.socketpair(), socket.socketpair()
    program = (list(arguments), dict(environment), its_stdout, its_stderr)
    process = server.Process(target=_run, args=program)
    with stdout, stderr, its_stdout, its_stderr:
        process.start()
        its_stdout.close()
        its_stderr.close()
        for stream in (stdout, stderr):
            stream.settimeout(SECONDS)
        try:
            with stdout.makefile() as output, stderr.makefile() as errors:
                yield Running(process, output, errors)
        finally:
            process.kill()
            process.join()
            process.close()


def run(arguments: Sequence[str], environment: Mapping[str, str]) -> Ended:
    """Run a program to its end; the arguments are those of `started`."""
    with started(arguments, environment) as running, ThreadPoolExecutor(1) as pool:
        errors = pool.submit(running.stderr.read)
        output = running.stdout.read()
        return Ended(running.ended(), output, errors.result())


def _run(
    arguments: list[str], environment: dict[str, str], stdout: socket.socket, stderr: socket.socket
) -> None:
    """Be the program: what the interpreter does with its arguments."""
    os.dup2(stdout.fileno(), 1)
    os.dup2(stderr.fileno(), 2)
    stdout.close()
    stderr.close()
    os.environ.clear()
    os.environ.update(environment)
    kind, program, *rest = arguments
    sys.argv = [kind, *rest]
    if kind == "-m":
        runpy.run_module(program, run_name="__main__", alter_sys=True)
    else:
        exec(program, {"__name__": "__main__"})  # noqa: S102 - as the interpreter would
