"""Register which function runs which job, and how long it is tried."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from app.jobs.models import Job

Function = Callable[[Job], None]


class JobFailed(Exception):
    """A job could not be done. `reason` holds no personal data, so that it can be logged.

    `permanent` says that trying again is useless.
    """

    def __init__(self, reason: str, *, permanent: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.permanent = permanent


@dataclass(frozen=True)
class Kind:
    """A kind of job: `function` does it; `gave_up` is called when one is given up.

    It is tried for as many seconds as the setting `deadline` says, or forever without one.
    With `pause` it repeats so long after it is done. An `urgent` one is waited for by someone.
    """

    name: str
    function: Function
    deadline: str | None = None
    gave_up: Function | None = None
    pause: timedelta | None = None
    urgent: bool = False


# Every kind there is, by name.
KINDS: dict[str, Kind] = {}


def job(
    name: str, *, deadline: str, gave_up: Function, urgent: bool = False
) -> Callable[[Function], Function]:
    """Register a function for the jobs with a name."""

    def register(function: Function) -> Function:
        KINDS[name] = Kind(name, function, deadline, gave_up, urgent=urgent)
        return function

    return register


def every(pause: timedelta, name: str) -> Callable[[Function], Function]:
    """Register a job that repeats: once for all processes together."""

    def register(function: Function) -> Function:
        KINDS[name] = Kind(name, function, pause=pause)
        return function

    return register
