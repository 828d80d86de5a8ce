"""The threads that run jobs."""

import atexit
import logging
import time
from contextlib import suppress
from threading import Condition, Event, Thread, current_thread

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from app.database import faults
from app.jobs import queue, running

logger = logging.getLogger(__name__)

# A job that takes long, such as an email to a slow server, leaves a thread for the others. The first
# one takes urgent jobs first: a link doesn't wait for thousands of notices.
THREADS = 2
# Seconds after which a worker looks for jobs even if nobody woke it, and where nobody can: in a
# process of its own.
POLL, POLL_ALONE = 30, 2
# Seconds until a job begins. At once it would share the processor with the response to the request
# that enqueued it, which would then take longer when there is someone to write to.
PAUSE = 0.02
# Seconds after which a worker looks again after a failure, such as of the database.
BACKOFF = 5
# Seconds after which a job that nobody took is late, and how often that is logged.
LATE = 5 * 60
LATE_AGAIN = 15 * 60


class Worker:
    """Does jobs in threads of its own: in a serving process, or in `flask accounts work`."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self._signal = Condition()
        self._threads: list[Thread] = []
        self._stopping = Event()
        self._woken = False
        self._prepared = False
        self._database_failed = False
        self._late_logged_at: float | None = None
        self._poll = POLL

    @property
    def in_process(self) -> bool:
        """Whether serving processes do jobs, besides `flask accounts work`."""
        return bool(self.app.config["JOBS_IN_PROCESS"])

    @property
    def stopping(self) -> bool:
        """Whether this process is about to end."""
        return self._stopping.is_set()

    def start(self, *, always: bool = False) -> None:
        """Start the threads, unless they run already. They end when the process does.

        The last one only watches whether jobs are late: the others may hang in jobs of your own.
        Without JOBS_IN_PROCESS it is alone, unless `always`.
        """
        with self._signal:
            if self._threads or self._stopping.is_set():
                return
            works = always or self.in_process
            self._poll = POLL_ALONE if always else POLL
            for number, working in enumerate([*[True] * (THREADS if works else 0), False], 1):
                name = f"jobs-{number}"
                # Python does not wait for such a thread; `stop` does, when the process ends.
                arguments = working, number == 1
                thread = Thread(target=self._loop, args=arguments, name=name, daemon=True)
                try:
                    thread.start()
                except RuntimeError:  # no memory: the next job that is enqueued tries again
                    logger.error("A thread for background jobs can't start")
                    break
                self._threads.append(thread)
        atexit.register(self.stop)

    def wake(self) -> None:
        """Have a thread look for jobs now."""
        if not self._threads:
            if not self.in_process:
                return
            self.start()
        with self._signal:
            self._woken = True
            self._signal.notify()

    def stop(self) -> None:
        """Wait until the threads finish their current jobs. The other jobs stay."""
        self._stopping.set()
        with self._signal:
            self._signal.notify_all()
        for thread in self._threads:
            if thread is not current_thread():
                thread.join()
        atexit.unregister(self.stop)

    def look(self, *, works: bool = True, urgent_first: bool = False) -> bool:
        """Do the jobs that are due. Returns whether that worked."""
        try:
            if works and not self._prepared:
                with self.app.app_context():
                    queue.ensure_repeating()
                self._prepared = True
            while works and not self._stopping.is_set() and self._do_one(urgent_first):
                pass
            self._warn_if_late()
        except SQLAlchemyError as error:
            self._note_database(error)
            return False
        except Exception as error:  # such as one while a job is given up: the others go on
            logger.error("Jobs pause for %d seconds: %s", BACKOFF, running.describe(error))
            return False
        self._note_database(None)
        return True

    def _loop(self, works: bool, urgent_first: bool) -> None:
        while not self._stopping.is_set():
            with suppress(Exception):  # such as no memory for a lock: nothing ends a thread
                if not self.look(works=works, urgent_first=urgent_first):
                    self._stopping.wait(BACKOFF)
                elif works:
                    self._wait()
                else:
                    self._stopping.wait(POLL)
                continue
            time.sleep(BACKOFF)

    def _do_one(self, urgent_first: bool) -> bool:
        """Do a job, and let another thread look meanwhile whether there are more."""
        with self.app.app_context():
            job = queue.take(urgent_first=urgent_first)
            if job is None:
                return False
            self.wake()
            running.run(job)
            return True

    def _wait(self) -> None:
        with self._signal:
            self._signal.wait_for(lambda: self._woken or self._stopping.is_set(), self._poll)
            self._woken = False
        self._stopping.wait(PAUSE)

    def _warn_if_late(self) -> None:
        logged = self._late_logged_at
        if logged is not None and time.monotonic() - logged < LATE_AGAIN:
            return
        with self.app.app_context():
            seconds = queue.seconds_late()
        if seconds > LATE:
            self._late_logged_at = time.monotonic()
            logger.warning("The oldest job is %d seconds late: are there enough workers?", seconds)

    def _note_database(self, error: SQLAlchemyError | None) -> None:
        """Log once that the database is unavailable, and once that it is back."""
        if error is not None and not self._database_failed:
            logger.error("Jobs wait until the database is available: %s", faults.reason(error))
        if error is None and self._database_failed:
            logger.warning("The database is available again: jobs go on")
        self._database_failed = error is not None
