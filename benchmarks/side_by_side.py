"""What a request costs, next to apps that are made in another way and show the same page.

Serves a new app, a bare Flask-Login app and Flask-Security with its defaults under gunicorn, and
measures the CPU time and memory of their processes (from /proc) while they do the same in turn.
Writes `docs/benchmarks.md` and `docs/benchmarks.svg`. From the repository's folder:

    .venv/bin/python -m benchmarks.side_by_side
"""

import argparse
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

from benchmarks import measures, report
from benchmarks.measures import Finding, Send, get
from benchmarks.report import Row
from benchmarks.servers import App, Server, serving
from tests import commands, databases, nodes, walk
from tests.conftest import Renderer, copy_template, make_renderer
from tests.variants import Variant

RIVALS = Path(__file__).with_name("rivals")
# What the rivals need besides the app's own requirements.
PACKAGES = (
    "Flask-Security>=5.6,<6",
    "argon2-cffi>=25",
    "psycopg[binary]>=3.3.9,<4",
    "alembic-postgresql-enum>=1.11,<2",
)
MEGABYTE = 1024 * 1024


@dataclass
class Run:
    """One run: where it writes, how long it takes, and the programs it uses."""

    folder: Path
    rounds: int
    requests: int
    given: Path | None

    @cached_property
    def template(self) -> Path:
        """A copy of the template."""
        return copy_template(self.folder / "template")

    @cached_property
    def render(self) -> Renderer:
        """What renders it."""
        (self.folder / "apps").mkdir()
        return make_renderer(self.template, self.folder / "apps")

    @cached_property
    def programs(self) -> Path:
        """The `bin` of an environment with all packages."""
        folder = self.app_folder("sqlite")
        return self.given or commands.make_environment(folder, ".", *PACKAGES)

    def app_folder(self, backend: str) -> Path:
        """Return the folder of the app with everything on, for one kind of database."""
        variant = Variant("both", True, backend)
        folder = self.folder / "apps" / variant.answers["project_slug"]
        return folder if folder.exists() else self.render(**variant.answers)

    def apps(self, backend: str, urls: list[str], **settings: str) -> dict[str, App]:
        """Return the three apps, each with a database of its own."""
        folder = self.app_folder(backend)
        ours = nodes.settings(urls[0], APP_NAME="Demo", JOBS_IN_PROCESS="no", **settings)
        nodes.prepare(folder, self.programs, ours)
        (folder / "files" / "megabyte.bin").write_bytes(bytes(MEGABYTE))
        apps = {"ours": App(folder, "wsgi", ours)}
        for module, url in zip(("security", "bare"), urls[1:], strict=True):
            rival = {
                "APP_FOLDER": str(folder),
                "RIVAL_PASSWORD": walk.PASSWORD,
                "RIVAL_HASH": measures.HASH,
                "RIVAL_DATABASE_URL": url.replace("postgresql:", "postgresql+psycopg:"),
            }
            apps[module] = App(RIVALS, module, rival)
        return apps

    def compare(self, servers: dict[str, Server], ours: str, theirs: str) -> Finding:
        """Compare GET requests: the path in the new app, and in the others."""
        sends = {name: get(ours if name == "ours" else theirs) for name in servers}
        for name, server in servers.items():
            for number in range(min(20, self.requests)):
                sends[name](server, number)  # the first time templates are compiled
        return measures.compare(servers, sends, self.rounds, self.requests)


def requests(run: Run, apps: dict[str, App], database: str) -> list[Row]:
    """Return the rows for single requests."""
    with ExitStack() as stack:
        servers = {
            name: stack.enter_context(serving(app, run.programs)) for name, app in apps.items()
        }
        strangers = {name: server.stranger() for name, server in servers.items()}
        for server in servers.values():
            server.sign_in()
            for _ in range(20):
                server.send("/account")
        memory = measures.ratios({name: server.memory() for name, server in servers.items()})
        page = run.compare(servers, "/account", "/account")
        home = run.compare(strangers, "/", "/")
        node = nodes.Node(
            servers["ours"].process, f"http://127.0.0.1:{servers['ours'].port}", Path()
        )
        token = servers["ours"].stranger(Authorization=f"Bearer {node.sign_in()}")
        clients = {"ours": token, "bare": servers["bare"]}
        api = run.compare(clients, "/api/v1/account", "/api/account")
        file = run.compare(servers, "/downloads/megabyte.bin", "/downloads/megabyte.bin")
    return [
        (f"Signed-in page, {database}", "ms", page),
        (f"Account as JSON, with a token, {database}", "ms", api),
        (f"Page for strangers, {database}", "ms", home),
        (f"Download of 1 MiB, {database}", "ms", file),
        (f"Memory at rest, {database}", "MiB", memory),
    ]


def processes(run: Run, apps: dict[str, App], times: int) -> list[Row]:
    """Return the rows for whole processes."""
    started = [
        {name: measures.start_up(app, run.programs) for name, app in apps.items()}
        for _ in range(times)
    ]
    counted = {name: measures.statements(app, run.programs, RIVALS) for name, app in apps.items()}
    memory = {}
    for name, app in apps.items():
        with serving(app, run.programs, workers=2) as server:
            server.sign_in()
            for _ in range(40):
                server.send("/account")
            memory[name] = server.memory()
    return [
        ("Start", "ms", measures.medians(started)),
        ("Memory at rest, two workers", "MiB", measures.ratios(memory)),
        ("SQL statements for the signed-in page", "", measures.ratios(counted)),
    ]


def hashes(run: Run, apps: dict[str, App]) -> tuple[list[Row], list[Row]]:
    """Return the rows for what hashes passwords, at the default cost."""
    with (
        serving(apps["ours"], run.programs) as ours,
        serving(apps["bare"], run.programs) as bare,
    ):
        measures.sign_in(ours, 20_000)
        servers = {"ours": ours, "hash": bare}
        rows: list[Row] = []
        for title, send in (("Sign-in", measures.sign_in), ("Registration", measures.register)):
            sends: dict[str, Send] = {"ours": send, "hash": measures.hash_once}
            found = measures.compare(servers, sends, max(1, run.rounds // 2), 1, "hash")
            rows.append((title, "ms", found))
        most = {
            "ours": measures.peak(ours, measures.sign_in),
            "bare": measures.peak(bare, measures.hash_once),
        }
    return [("Memory at the peak of four sign-ins", "MiB", measures.ratios(most))], rows


def measure(run: Run) -> tuple[list[Row], list[Row]]:
    """Return all rows: side by side, and against the least possible."""
    files = [f"sqlite:///{run.folder}/{name}.db" for name in ("ours", "security", "bare")]
    apps = run.apps("sqlite", files)
    rows = requests(run, apps, "SQLite")
    try:
        with ExitStack() as stack:
            urls = [stack.enter_context(databases.database("postgresql")) for _ in range(3)]
            rows += requests(run, run.apps("postgresql", urls), "PostgreSQL")[:3]
    except pytest.skip.Exception as reason:
        print(f"Without PostgreSQL: {reason}")
    rows += processes(run, apps, times=min(15, run.rounds))
    files = [f"sqlite:///{run.folder}/{name}-hash.db" for name in ("ours", "security", "bare")]
    peak, alone = hashes(run, run.apps("sqlite", files, PASSWORD_HASH_METHOD=measures.HASH))
    rendered = measures.rendering(run.template, run.folder, min(15, run.rounds))
    return rows + peak, [*alone, ("Rendering", "ms", rendered)]


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--requests", type=int, default=40, help="in each round")
    parser.add_argument("--programs", type=Path, help="the bin folder of an environment to use")
    parser.add_argument("--note", default="", help="what to add about the machine")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        run = Run(Path(name), arguments.rounds, arguments.requests, arguments.programs)
        note = f", {arguments.note}" if arguments.note else ""
        report.write(*measure(run), run.programs, note)


if __name__ == "__main__":
    main()
