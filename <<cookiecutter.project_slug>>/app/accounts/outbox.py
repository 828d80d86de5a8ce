"""Work that is done off the request: looking up who a mail is for, writing it, sending it.

What a request hands over takes the same time whether or not there is anybody to write to.
One thread a process, started with its first job. Python waits for it at exit, so what is
queued is still done when a worker is told to stop.
"""

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, cast

from flask import Flask, current_app

logger = logging.getLogger(__name__)

# Seconds until a job begins. At once it would share the processor with the answer that asked for
# it, which would then take longer when there is somebody to write to.
PAUSE = 0.02

Arguments = ParamSpec("Arguments")


def init_app(app: Flask) -> None:
    """Give the app its thread; it starts with the first job, so after a server's fork."""
    app.extensions["outbox"] = ThreadPoolExecutor(max_workers=1, thread_name_prefix="outbox")


def submit(
    job: Callable[Arguments, None], *args: Arguments.args, **kwargs: Arguments.kwargs
) -> None:
    """Have `job` done soon, in an app context of its own. What it raises is logged."""
    # Flask types the proxy as the app that it stands for.
    app = current_app._get_current_object()  # type: ignore[attr-defined]

    def run() -> None:
        time.sleep(PAUSE)
        with app.app_context():
            try:
                job(*args, **kwargs)
            except Exception:  # whatever it is, the jobs behind it go on
                logger.exception("A job off the request failed: %s", job.__name__)

    _executor(app).submit(run)


def drain(app: Flask) -> None:
    """Wait until all that was handed over so far is done."""
    done: Future[None] = _executor(app).submit(lambda: None)
    done.result()


def _executor(app: Flask) -> ThreadPoolExecutor:
    return cast(ThreadPoolExecutor, app.extensions["outbox"])
