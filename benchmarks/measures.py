"""What is measured. A finding has the value for each app, and its ratio to that of another app."""

import json
import resource
import statistics
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.servers import App, Server, serving
from tests import commands, nodes

# For each app the value, and its ratio to the one that it is compared with.
Finding = dict[str, tuple[float, float]]
# Sends one request to a server and returns the status of the response.
Send = Callable[[Server, int], int]
HASH = "scrypt:32768:8:3"  # the default of PASSWORD_HASH_METHOD


def ratios(values: dict[str, float], other: str = "bare") -> Finding:
    """Return the values with their ratios to that of another app."""
    return {name: (value, value / values[other]) for name, value in values.items()}


def compare(
    servers: dict[str, Server],
    send: dict[str, Send],
    rounds: int,
    requests: int,
    other: str = "bare",
) -> Finding:
    """Return the milliseconds of CPU time of a request.

    Value and ratio are medians over rounds, in each of which all apps serve the same number of
    requests: what else the machine does changes more slowly.
    """
    found: list[dict[str, float]] = []
    for turn in range(rounds):
        found.append({})
        for name, server in servers.items():
            begin = server.cpu()
            for number in range(requests):
                status = send[name](server, turn * requests + number)
                if status >= 300:
                    raise RuntimeError(f"{name} responds with {status}")
            found[-1][name] = (server.cpu() - begin) / requests
    return medians(found, other)


def medians(rounds: list[dict[str, float]], other: str = "bare") -> Finding:
    """Return the medians of the values, and of their ratios to that of another app's same round."""
    return {
        name: (
            statistics.median(each[name] for each in rounds),
            statistics.median(each[name] / each[other] for each in rounds),
        )
        for name in rounds[0]
    }


def get(path: str) -> Send:
    """Return what sends a GET request."""
    return lambda server, _: server.send(path)[0]


def sign_in(server: Server, number: int) -> int:
    """Sign in to the API as Ada, from a known device after the first time."""
    data = {**nodes.ADA, **({"device": server.device} if server.device else {})}
    status, text = server.send("/api/v1/sessions", data=data, ip_address=_address(number))
    server.device = json.loads(text).get("device") or server.device
    return status


def register(server: Server, number: int) -> int:
    """Register an account by the API."""
    data = {**nodes.ADA, "name": "Grace", "email": f"grace{number}@example.com"}
    return server.send("/api/v1/accounts", data=data, ip_address=_address(number))[0]


def hash_once(server: Server, _: int) -> int:
    """Have the bare app hash one password."""
    return server.send("/hash", form={"password": nodes.ADA["password"]})[0]


def peak(server: Server, send: Send) -> float:
    """Return the most memory in MiB while four clients send a request at the same time."""
    clients = [server.stranger() for _ in range(4)]
    most = server.memory()
    with ThreadPoolExecutor(len(clients)) as threads:
        results = [threads.submit(send, client, n) for n, client in enumerate(clients)]
        while not all(result.done() for result in results):
            most = max(most, server.memory())
    if any(result.result() >= 300 for result in results):
        raise RuntimeError("refused")
    return most


def start_up(app: App, programs: Path) -> float:
    """Return the CPU time in milliseconds of a process that loads an app."""
    code = (
        f"import resource, {app.module}; u = resource.getrusage(0); print(u.ru_utime + u.ru_stime)"
    )
    command = (programs / "python", "-c", code)
    printed = commands.run(*command, folder=app.folder, settings=app.settings).stdout
    return float(printed.split()[-1]) * 1000


def statements(app: App, programs: Path, rivals: Path) -> float:
    """Return how many SQL statements a signed-in page takes."""
    settings = {**app.settings, "COUNTED": app.module, "PYTHONPATH": f"{app.folder}:{rivals}"}
    with serving(App(app.folder, "counting", settings), programs) as server:
        server.sign_in()
        server.send("/account")
        found = []
        for _ in range(3):  # one of them may note, once a minute, that the session was seen
            server.send("/statements")
            server.send("/account")
            found.append(float(server.send("/statements")[1]))
        return min(found)


def rendering(template: Path, folder: Path, rounds: int) -> Finding:
    """Return the milliseconds of CPU time to render the template, and one that is empty."""
    empty = folder / "empty-template"
    (empty / "{{cookiecutter.name}}").mkdir(parents=True)
    (empty / "cookiecutter.json").write_text('{"name": "app"}', "utf-8")
    templates = {"ours": template, "empty": empty}
    found: list[dict[str, float]] = []
    for turn in range(rounds):
        found.append({})
        for name, source in templates.items():
            target = folder / f"rendered-{name}-{turn}"
            target.mkdir()
            found[-1][name] = _render(source, target)
    return medians(found, "empty")


def _render(source: Path, target: Path) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    program = Path(sys.executable).with_name("cookiecutter")
    options = ["--no-input", "--default-config", "--output-dir", str(target)]
    subprocess.run(
        [program, *options, source],
        env=commands.environment({"HOME": str(target)}),
        stdout=subprocess.DEVNULL,
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def _address(number: int) -> str:
    """Return a network address: each has its own rate limit."""
    return f"198.18.{number // 250}.{number % 250}"
