"""What a request costs, next to apps that are made in another way and show the same page.

Serves a new app, a bare Flask-Login app and Flask-Security with its defaults under gunicorn, one
worker each, and measures the CPU time of the workers (from /proc) while they serve the same
requests in turn. Writes `docs/benchmarks.md` and `docs/benchmarks.svg`. From the repository's folder:

    .venv/bin/python -m benchmarks.side_by_side
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.client import HTTPConnection
from importlib.metadata import distributions
from pathlib import Path
from urllib.parse import urlencode

from tests import commands, nodes, walk
from tests.conftest import copy_template, make_renderer
from tests.variants import Variant

RIVALS = Path(__file__).with_name("rivals")
DOCS = Path(__file__).parents[1] / "docs"
OTHERS = {"bare": "bare Flask-Login", "security": "Flask-Security"}
# What the rivals need besides the app's own requirements.
PACKAGES = ("Flask-Security>=5.6,<6", "argon2-cffi>=25")
SHOWN = ("Flask", "Flask-Login", "Flask-Security", "Flask-SQLAlchemy", "SQLAlchemy", "gunicorn")
TICK = 1000 / os.sysconf("SC_CLK_TCK")  # milliseconds
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass
class Server:
    """An app under gunicorn with one worker, and a browser of it."""

    process: subprocess.Popen[bytes]
    port: int
    cookies: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        nodes.until(lambda: nodes.listens(self.port))
        self.connection = HTTPConnection("127.0.0.1", self.port, timeout=walk.WAIT)
        nodes.until(lambda: bool(self._children()))
        self.worker = self._children()[0]

    def send(self, path: str, form: dict[str, str] | None = None) -> tuple[int, str]:
        """Return the status and the text of the response."""
        headers = {
            "Host": "127.0.0.1",
            "X-Forwarded-For": "192.0.2.1",
            "X-Forwarded-Proto": "https",
            "Referer": "https://127.0.0.1/login",
            **self.headers,
        }
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{n}={v}" for n, v in self.cookies.items())
        method, body = ("POST", urlencode(form)) if form else ("GET", None)
        self.connection.request(method, path, body, headers | (FORM if form else {}))
        response = self.connection.getresponse()
        for cookie in response.headers.get_all("Set-Cookie") or ():
            name, _, value = cookie.partition("=")
            self.cookies[name] = value.partition(";")[0]
        return response.status, response.read().decode()

    def sign_in(self) -> None:
        """Sign in as Ada."""
        found = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', self.send("/login")[1])
        form = {**nodes.ADA, "csrf_token": found[1] if found else ""}
        status, text = self.send("/login", form)
        if status not in (302, 303):
            raise RuntimeError(f"no sign-in: {text}")

    def cpu(self) -> float:
        """Return the CPU time of the worker so far, in milliseconds."""
        line = Path(f"/proc/{self.worker}/stat").read_text("ascii").rpartition(")")[2].split()
        return (int(line[11]) + int(line[12])) * TICK

    def memory(self) -> float:
        """Return the memory of all its processes in MiB, what they share counted once."""
        total = 0
        for pid in (self.process.pid, *self._children()):
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii")
            total += int(re.findall(r"^Pss:\s+(\d+)", rollup, re.MULTILINE)[0])
        return total / 1024

    def _children(self) -> list[int]:
        pid = self.process.pid
        return [int(n) for n in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()]


@contextmanager
def serving(
    folder: Path, programs: Path, module: str, environment: dict[str, str]
) -> Iterator[Server]:
    """Serve an app with the settings of `gunicorn.conf.py`, if it has one."""
    port = walk.free_port()
    options = ["--bind", f"127.0.0.1:{port}", "--keep-alive", "75", "--workers", "1"]
    process = subprocess.Popen(
        [programs / "gunicorn", *options, "--threads", "8", module],
        cwd=folder,
        env=commands.environment(environment),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield Server(process, port)
    finally:
        process.terminate()
        process.wait()


def compare(
    servers: dict[str, Server], path: Callable[[str], str], rounds: int, requests: int
) -> dict[str, tuple[float, float]]:
    """Return for each app the milliseconds of a request, and their ratio to the bare app's.

    Both are medians over rounds, in each of which all apps serve the same number of requests.
    """
    found: dict[str, list[float]] = {name: [] for name in servers}
    for _ in range(rounds):
        for name, server in servers.items():
            begin = server.cpu()
            for _ in range(requests):
                if server.send(path(name))[0] != 200:
                    raise RuntimeError(f"{name} refused {path(name)}")
            found[name].append((server.cpu() - begin) / requests)
    return {
        name: (
            statistics.median(times),
            statistics.median(a / b for a, b in zip(times, found["bare"], strict=True)),
        )
        for name, times in found.items()
    }


def start_up(folder: Path, programs: Path, module: str, environment: dict[str, str]) -> float:
    """Return the CPU time in milliseconds of a process that loads an app."""
    code = f"import resource, {module}; u = resource.getrusage(0); print(u.ru_utime + u.ru_stime)"
    run = partial(commands.run, programs / "python", "-c", code, folder=folder)
    times = [float(run(settings=environment).stdout.split()[-1]) for _ in range(5)]
    return statistics.median(times) * 1000


def write(rows: list[tuple[str, str, dict[str, tuple[float, float]]]], programs: Path) -> None:
    """Write the table and the plot."""
    folders = [str(folder) for folder in programs.parent.glob("lib/*/site-packages")]
    versions = {each.name: each.version for each in distributions(path=folders)}
    known = {name.lower().replace("-", "_"): version for name, version in versions.items()}
    shown = [f"{name} {known[name.lower().replace('-', '_')]}" for name in SHOWN]
    lines = [
        "# Benchmarks",
        "",
        "`make benchmark` writes this page. Each row compares apps that show the same page from the same templates, under gunicorn with one",
        "worker, in turn in the same run. Times are CPU time of the worker; on a busy machine they grow, and ratios vary by a fifth from run to run. Each cell",
        "has the measured value and, in parentheses, its ratio to a bare Flask-Login app of 60 lines (`benchmarks/rivals/bare.py`). Lower is better.",
        "",
        "| | this template | Flask-Security | bare Flask-Login |",
        "| --- | --- | --- | --- |",
    ]
    for title, unit, found in rows:
        cells = [
            f"{found[name][0]:.2f} {unit} ({found[name][1]:.2f})" if name in found else ""
            for name in ("ours", "security", "bare")
        ]
        lines.append(f"| {title} | {' | '.join(cells)} |")
    version = ".".join(map(str, sys.version_info[:3]))
    lines += ["", "![The ratios as bars](benchmarks.svg)", ""]
    lines += [f"Measured with Python {version}, {', '.join(shown)}, SQLite.", ""]
    (DOCS / "benchmarks.md").write_text("\n".join(lines), "utf-8")
    (DOCS / "benchmarks.svg").write_text(plot(rows), "utf-8")


def plot(rows: list[tuple[str, str, dict[str, tuple[float, float]]]]) -> str:
    """Draw the ratios as bars."""
    parts, y = [], 20
    colors = {"ours": "#2563eb", "security": "#9333ea", "bare": "#6b7280"}
    for title, _, found in rows:
        parts.append(f'<text x="10" y="{y}" font-weight="bold">{title}</text>')
        for name, (_, ratio) in found.items():
            y += 22
            label = {"ours": "this template", **OTHERS}[name]
            parts.append(f'<text x="10" y="{y}">{label}</text>')
            bar = f'width="{ratio * 200:.0f}" height="14" fill="{colors[name]}"'
            parts.append(f'<rect x="150" y="{y - 11}" {bar}/>')
            parts.append(f'<text x="{155 + ratio * 200:.0f}" y="{y}">{ratio:.2f}</text>')
        y += 32
    style = 'font-family="sans-serif" font-size="13" fill="#111"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="760" height="{y}" {style}>'
    return f'{head}<rect width="760" height="{y}" fill="#fff"/>{"".join(parts)}</svg>\n'


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--requests", type=int, default=400)
    parser.add_argument("--programs", type=Path, help="the bin folder of an environment to use")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        template = copy_template(Path(name, "template"))
        Path(name, "apps").mkdir()
        render = make_renderer(template, Path(name, "apps"))
        folder = render(**Variant("both", True, "sqlite").answers)
        programs = arguments.programs or commands.make_environment(folder, "-e", ".", *PACKAGES)
        ours = nodes.settings("sqlite:///app.db", WEB_CONCURRENCY="1", APP_NAME="Demo")
        nodes.prepare(folder, programs, ours)
        rival = {"APP_FOLDER": str(folder), "RIVAL_PASSWORD": walk.PASSWORD}
        apps = {"ours": (folder, "wsgi", ours)}
        for module in OTHERS:
            url = f"sqlite:///{name}/{module}.db"
            apps[module] = (RIVALS, module, rival | {"RIVAL_DATABASE_URL": url})
        write(measure(apps, programs, arguments.rounds, arguments.requests), programs)


def measure(
    apps: dict[str, tuple[Path, str, dict[str, str]]], programs: Path, rounds: int, requests: int
) -> list[tuple[str, str, dict[str, tuple[float, float]]]]:
    """Return each row: its title, its unit, and each app's value and ratio to the bare app's."""

    def ratios(values: dict[str, float]) -> dict[str, tuple[float, float]]:
        return {name: (value, value / values["bare"]) for name, value in values.items()}

    started = ratios({name: start_up(each[0], programs, *each[1:]) for name, each in apps.items()})
    with (
        serving(apps["ours"][0], programs, "wsgi:app", apps["ours"][2]) as ours,
        serving(RIVALS, programs, "bare:app", apps["bare"][2]) as bare,
        serving(RIVALS, programs, "security:app", apps["security"][2]) as security,
    ):
        servers = {"ours": ours, "security": security, "bare": bare}
        for server in servers.values():
            server.sign_in()
            for _ in range(20):
                server.send("/account")
        memory = ratios({name: server.memory() for name, server in servers.items()})
        page = compare(servers, lambda _: "/account", rounds, requests)
        token = nodes.Node(ours.process, f"http://127.0.0.1:{ours.port}", Path()).sign_in()
        client = Server(ours.process, ours.port, headers={"Authorization": f"Bearer {token}"})
        paths = {"ours": "/api/v1/account", "bare": "/api/account"}
        api = compare({"ours": client, "bare": bare}, paths.__getitem__, rounds, requests)
    return [
        ("Signed-in page", "ms", page),
        ("Account as JSON, with a token", "ms", api),
        ("Start", "ms", started),
        ("Memory at rest, one worker", "MiB", memory),
    ]


if __name__ == "__main__":
    main()
