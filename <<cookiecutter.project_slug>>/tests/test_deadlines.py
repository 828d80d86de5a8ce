"""Deadlines: what takes too long is ended, and nothing else."""

from threading import Event

from app import deadlines

SECONDS = 60  # only guards against hanging


def test_what_takes_too_long_is_ended() -> None:
    expired = Event()
    with deadlines.within(0.01, expired.set):
        assert expired.wait(SECONDS)


def test_what_ends_in_time_is_left_alone() -> None:
    early, late = Event(), Event()
    with deadlines.within(0.01, late.set):
        with deadlines.within(0.005, early.set):
            pass
        assert late.wait(SECONDS)
    assert not early.is_set()


def test_an_error_of_one_does_not_keep_others_from_ending() -> None:
    def fail() -> None:
        raise ZeroDivisionError

    expired = Event()
    with deadlines.within(0.005, fail), deadlines.within(0.01, expired.set):
        assert expired.wait(SECONDS)
