"""What outside scanners find in a new app: bandit, pip-audit and wapiti, in environments of their own.

    .venv/bin/python -m tools.audit

Exits with 1 when one of them finds something. What they find and is none is explained in
`docs/decisions.md`, under 'Scanners', and left out here by name.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import requests

from tests import commands
from tests.browser import served
from tests.browser.served import PASSWORD, Served
from tests.conftest import copy_template, make_renderer
from tests.variants import EVERYTHING

EMAIL = "ada@example.com"
BANDIT_SKIPS = "B105,B704"
# At most 90 seconds for the crawl, and 60 for each module.
WAPITI = (
    "--scope domain --flush-session --no-bugreport -v 0 -f json"
    " --max-scan-time 90 --max-attack-time 60"
    " -m backup,cookieflags,crlf,csp,csrf,exec,file,htaccess,http_headers,permanentxss,redirect,"
    "sql,timesql,upload,xss,xxe"
)
# Where to begin, and what would end the visit.
URLS = "--form-url {0}/login -s {0}/account -s {0}/api/docs -x {0}/logout -x {0}/account/delete"
API_URLS = "--swagger {0}/api/v1/openapi.json -x {0}/api/v1/sessions/current"


def bandit(program: Path, folder: Path) -> list[str]:
    """Dangerous habits in the app's own code."""
    paths = ("app", "migrations", "wsgi.py", "gunicorn.conf.py")
    options = ("-q", "-r", *paths, "-s", BANDIT_SKIPS, "-f", "json")
    report = json.loads(output(program, *options, folder=folder))
    return [
        f"{found['filename']}:{found['line_number']}: {found['test_id']} {found['issue_text']}"
        for found in report["results"]
    ]


def pip_audit(program: Path, installed: Path) -> list[str]:
    """Known vulnerabilities in what the app installs."""
    packages = next((installed / ".venv" / "lib").glob("python*/site-packages"))
    text = output(program, "--path", packages, "--format", "json", folder=installed)
    dependencies = json.loads(text)["dependencies"] if text else []
    checked = [each for each in dependencies if "skip_reason" not in each]
    print(f"  {len(checked)} of {len(dependencies)} packages checked")
    if not checked:
        print("  No advisories can be reached from here: this says nothing about the packages.")
    return [
        f"{each['name']} {each['version']}: {found['id']}"
        for each in checked
        for found in each["vulns"]
    ]


def visitors(site: Served) -> Iterator[tuple[str, list[str]]]:
    """Whom wapiti is to attack as: someone signed in, a client with its token, a stranger.

    The stranger comes last: what it tries on the sign-in uses up the limit of this address.
    """
    site.open_account(EMAIL)
    body = {"email": EMAIL, "password": PASSWORD}
    answer = requests.post(
        f"{site.address}/api/v1/sessions", json=body, verify=site.trust, timeout=20
    )
    credentials = ["--form-user", EMAIL, "--form-password", PASSWORD]
    yield "signed in", [*credentials, *URLS.format(site.address).split()]
    authorization = ["-H", f"Authorization: Bearer {answer.json()['token']}"]
    yield "client", [*authorization, *API_URLS.format(site.address).split()]
    yield "stranger", []


def wapiti(program: Path, site: Served, folder: Path) -> Iterator[str]:
    """Yield what an attacker's crawler finds."""
    for name, options in visitors(site):
        state, report = folder / name, folder / f"{name}.json"
        places = ("--store-session", state, "--store-config", state, "-o", report)
        output(program, "-u", site.address, *WAPITI.split(), *places, *options, folder=folder)
        found = json.loads(report.read_text("utf-8"))
        if name == "signed in" and not found["infos"]["auth"]["logged_in"]:
            raise RuntimeError("wapiti could not sign in")
        print(f"  as {name}: {found['infos']['crawled_pages_nbr']} requests attacked", flush=True)
        for group in ("vulnerabilities", "anomalies", "additionals"):
            for kind, cases in found[group].items():
                for case in cases:
                    yield f"{name}: {kind}: {case['method']} {case['path']}: {case['info']}"


def output(*command: str | Path, folder: Path) -> str:
    """Return what a scanner prints; finding something is no failure of its own."""
    result = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    if not result.stdout:
        print(*result.stderr.splitlines()[-1:])
    return result.stdout


def main() -> int:
    """Render, scan, and print what was found."""
    with tempfile.TemporaryDirectory() as name:
        folders = {kind: Path(name, kind) for kind in ("apps", "scanners", "state", "certificates")}
        for each in folders.values():
            each.mkdir()
        render = make_renderer(copy_template(Path(name, "template")), folders["apps"])
        app = render(**EVERYTHING.answers)
        programs = commands.make_environment(app, "-r", "requirements.txt")
        scanners = commands.make_environment(folders["scanners"], "bandit", "pip-audit", "wapiti3")
        print("bandit")
        found = bandit(scanners / "bandit", app)
        print("pip-audit")
        found += pip_audit(scanners / "pip-audit", app)
        print("wapiti")
        with served.production(app, programs, folders["certificates"]) as site:
            found += wapiti(scanners / "wapiti", site, folders["state"])
    print(*found, f"{len(found)} found", sep="\n")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
