"""Deadlines: one thread of each process ends what takes too long."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Lock, Thread

# Seconds between two looks, so something may end that much later. A thread for each deadline would
# cost a third of a page; and while memory is short, Python waits forever for one to start.
CHECK_SECONDS = 0.25

_lock = Lock()
_pending: dict[object, tuple[float, Callable[[], object]]] = {}
_thread: Thread | None = None


def start() -> None:
    """Start the thread, unless it runs."""
    global _thread
    with _lock:
        if _thread is None:
            thread = Thread(target=_watch, name="deadlines", daemon=True)
            thread.start()
            _thread = thread


def begin(key: object, seconds: float, expire: Callable[[], object]) -> None:
    """Call `expire` after so many seconds, again and again until `end` is called with the same key.

    It runs in another thread and must be quick. Raises RuntimeError if no thread can start.
    """
    start()
    with _lock:
        _pending[key] = (time.monotonic() + seconds, expire)


def end(key: object) -> None:
    """Forget a deadline. Its `expire` isn't called after this has returned."""
    with _lock:
        _pending.pop(key, None)


@contextmanager
def within(seconds: float, expire: Callable[[], object]) -> Iterator[None]:
    """Call `expire`, again and again, while the block takes longer than so many seconds."""
    key = object()
    begin(key, seconds, expire)
    try:
        yield
    finally:
        end(key)


def _watch() -> None:
    while True:
        time.sleep(CHECK_SECONDS)
        with suppress(Exception):  # such as for want of memory: the next look does better
            _look()


def _look() -> None:
    with _lock:
        now = time.monotonic()
        for moment, expire in _pending.values():
            if moment < now:
                with suppress(Exception):
                    expire()


def _forget() -> None:
    """Leave the parent's deadlines to the parent, in a process that was forked."""
    global _lock, _thread
    _lock, _thread = Lock(), None
    _pending.clear()


os.register_at_fork(after_in_child=_forget)
