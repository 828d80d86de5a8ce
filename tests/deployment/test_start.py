"""The files in `deploy`, and what happens before the first request."""

import re
import socket
import subprocess
from pathlib import Path

import pytest
import requests

from tests import commands, nodes, servers, walk

UNITS = {
    "app.socket": "{slug}.socket",
    "app.service": "{slug}.service",
    "jobs.service": "{slug}-jobs.service",
    "backup.service": "{slug}-backup.service",
    "backup.timer": "{slug}-backup.timer",
}


def test_systemd_accepts_the_units(folder: Path, programs: Path, tmp_path: Path) -> None:
    servers.need("systemd-analyze")
    slug = folder.name
    units = [tmp_path / name.format(slug=slug) for name in UNITS.values()]
    for source, unit in zip(UNITS, units, strict=True):
        text = (folder / "deploy" / source).read_text("utf-8")
        assert f"/etc/systemd/system/{unit.name}" in text
        text = text.replace(f"/srv/{slug}/.venv/bin", str(programs))
        unit.write_text(text.replace(f"User={slug}", "User=root"), "utf-8")
    result = commands.run("systemd-analyze", "verify", *units, folder=tmp_path)
    assert [line for line in result.stdout.splitlines() if slug in line] == []


def test_the_deployment_guide_names_files_that_exist(folder: Path) -> None:
    guide = (folder / "docs" / "deployment.md").read_text("utf-8")
    named = set(re.findall(r"\bdeploy/[\w.]+", guide))
    files = {path.relative_to(folder).as_posix() for path in (folder / "deploy").iterdir()}
    assert named - files == set()
    assert files - named == {"deploy/Caddyfile"}  # compose.production.yaml names it


def test_gunicorn_migrates_first_with_the_setting(folder: Path, programs: Path) -> None:
    settings = nodes.settings("sqlite:///new.db", MIGRATE_ON_START="true")
    with nodes.running(folder, programs, settings) as node:
        health = (programs / "python", "healthcheck.py", node.address)
        commands.run(*health, folder=folder)
    settings |= {"DATABASE_URL": "sqlite:////nowhere/app.db"}
    result = subprocess.run(
        [programs / "gunicorn", "--bind", "127.0.0.1:0", "wsgi:app"],
        cwd=folder,
        env=commands.environment(settings),
        capture_output=True,
        text=True,
        timeout=walk.WAIT,
    )
    assert result.returncode == 4
    assert "Error: The database that DATABASE_URL names cannot be used" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_health_check_of_a_server_that_is_not_healthy_fails(folder: Path, programs: Path) -> None:
    settings = nodes.settings("sqlite:///empty.db")
    with nodes.running(folder, programs, settings, healthy=False) as node:
        for address, says in ((node.address, "503"), ("http://127.0.0.1:9", "refused")):
            result = subprocess.run(
                [programs / "python", "healthcheck.py", address],
                cwd=folder,
                capture_output=True,
                text=True,
            )
            assert result.returncode == 1
            assert result.stderr.startswith("Not healthy: ")
            assert says in result.stderr
            assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("sent", [b"nonsense\r\n\r\n", b""], ids=["no HTTP", "nothing"])
def test_a_health_check_of_something_else_fails_in_one_line(
    folder: Path, programs: Path, sent: bytes
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(walk.WAIT)
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with (
            subprocess.Popen(
                [programs / "python", "healthcheck.py", address],
                cwd=folder,
                stderr=subprocess.PIPE,
                text=True,
            ) as asking,
            listener.accept()[0] as client,
        ):
            client.sendall(sent)
            client.close()
            printed = asking.communicate(timeout=walk.WAIT)[1]
    assert asking.returncode == 1
    (line,) = printed.splitlines()
    assert line.startswith("Not healthy: ")


def test_migrations_of_an_update_do_not_end_the_running_version(
    folder: Path, programs: Path
) -> None:
    newer = folder / "migrations" / "versions" / "0099_newer.py"
    with nodes.running(folder, programs, nodes.settings("sqlite:///app.db"), healthy=False) as node:
        nodes.until(lambda: node.log.count("Booting worker") == 2)
        newer.write_text("revision = '0099'\ndown_revision = '0001'\n", "utf-8")
        try:
            health = [requests.get(f"{node.address}/healthz", timeout=walk.WAIT) for _ in range(4)]
        finally:
            newer.unlink()
        assert {answer.status_code for answer in health} == {200}
