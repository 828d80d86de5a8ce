"""The app restarts while it serves."""

import signal
import threading
from functools import partial
from pathlib import Path

import requests

from tests import nodes, walk
from tests.deployment.deployed import Site


def all_reach(numbers: list[int], enough: list[int]) -> bool:
    """Return whether each number is at least as high as the other list's."""
    return all(now >= then for now, then in zip(numbers, enough, strict=True))


def test_a_restart_loses_no_request(site: Site) -> None:
    stopped = threading.Event()
    failures: list[str] = []
    served = [0] * 4

    def keep_asking(number: int) -> None:
        client = site.client()
        while not stopped.is_set():
            try:
                form = client.get(f"{site.address}/login", timeout=walk.WAIT)
                fields = {"csrf_token": walk.hidden_token(form.text), "email": "x", "password": "x"}
                answer = client.post(f"{site.address}/login", data=fields, timeout=walk.WAIT)
            except (requests.RequestException, IndexError) as error:
                failures.append(repr(error))
                continue
            if answer.status_code not in (422, 429):
                failures.append(str(answer.status_code))
            served[number] += 1

    threads = [threading.Thread(target=keep_asking, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(2):
            enough = [count + 2 for count in served]
            nodes.until(partial(all_reach, served, enough))
            site.service.stop()
            site.service.start()
    finally:
        stopped.set()
        for thread in threads:
            thread.join()
    assert failures == []


def test_a_signal_to_reload_keeps_code_and_templates_together(site: Site, folder: Path) -> None:
    def count(words: str) -> int:
        return site.service.log.count(words)

    template = folder / "app" / "web" / "templates" / "web" / "login.html"
    old = template.read_text("utf-8")
    try:
        template.write_text("{{ 'new template' }}", "utf-8")
        # Each start logs where it listens, before its two workers.
        nodes.until(lambda: count("Booting worker") == 2 * count("Listening at"))
        booted, exited = count("Booting worker"), count("Worker exiting")
        site.service.server.send_signal(signal.SIGHUP)
        nodes.until(lambda: count("Booting worker") == booted + 2)
        nodes.until(lambda: count("Worker exiting") >= exited + 2)
        client = site.client()
        pages = [client.get(f"{site.address}/login", timeout=walk.WAIT).text for _ in range(20)]
        assert all("csrf_token" in page for page in pages)
        assert "SIGHUP does not load new code" in site.service.log
        site.service.stop()
        site.service.start()
        assert client.get(f"{site.address}/login", timeout=walk.WAIT).text == "new template"
    finally:
        template.write_text(old, "utf-8")
        # Restarted, so that the other tests meet the old one.
        site.service.stop()
        site.service.start()
