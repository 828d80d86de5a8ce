"""nginx sends an app's files."""

from urllib.parse import quote

import pytest
import requests

from tests import nodes, walk
from tests.deployment.conftest import CONTENT, NAMES
from tests.deployment.deployed import Site

# What every response carries; nginx would leave these out of a file's.
HEADERS = (
    "Content-Security-Policy",
    "Cross-Origin-Opener-Policy",
    "Cross-Origin-Resource-Policy",
    "Permissions-Policy",
    "Referrer-Policy",
    "Strict-Transport-Security",
    "Vary",
    "X-Content-Type-Options",
    "X-Frame-Options",
    "X-Request-ID",
)


@pytest.mark.parametrize("name", [*NAMES, "in.txt"])
def test_nginx_sends_files_by_any_name(site: Site, ada: requests.Session, name: str) -> None:
    url = f"{site.address}/downloads/{quote(name)}"
    answer = ada.get(url, timeout=walk.WAIT)
    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert answer.headers["Content-Disposition"].startswith("attachment; filename")
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.headers["Cache-Control"] == "no-store"
    assert not [name for name in HEADERS if name not in answer.headers]
    assert not [
        name for name in answer.headers if name.lower() in ("x-accel-redirect", "x-sendfile")
    ]
    head = ada.head(url, timeout=walk.WAIT)
    assert (head.headers["Content-Length"], head.content) == ("10", b"")


def test_nginx_answers_ranges_and_conditions(site: Site, ada: requests.Session) -> None:
    url = f"{site.address}/downloads/digits.txt"

    def get(**headers: str) -> requests.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return ada.get(url, headers=named, timeout=walk.WAIT)

    tag, changed = (get().headers[name] for name in ("ETag", "Last-Modified"))
    assert get(If_None_Match=tag).status_code == 304
    assert get(If_Modified_Since=changed).status_code == 304
    assert get(If_Match='"other"').status_code == 412
    for part in (get(Range="bytes=2-4"), get(Range="bytes=2-4", If_Range=tag)):
        assert (part.status_code, part.content) == (206, b"234")
        assert part.headers["Content-Range"] == "bytes 2-4/10"
    assert get(Range="bytes=-3").content == b"789"
    assert get(Range="bytes=2-4", If_Range='"other"').content == CONTENT
    assert get(Range="bytes=99-").status_code == 416


def test_a_client_of_the_api_gets_files_from_nginx(site: Site) -> None:
    client = site.client()
    api = f"{site.address}/api/v1"
    token = client.post(f"{api}/sessions", json=nodes.ADA, timeout=walk.WAIT).json()["token"]
    client.headers["Authorization"] = f"Bearer {token}"
    names = client.get(f"{api}/downloads", timeout=walk.WAIT).json()["files"]
    assert {file["name"] for file in names} == {*NAMES, "big", "in.txt", "welcome.txt"}
    for file in names:
        assert client.get(f"{site.address}{file['url']}", timeout=walk.WAIT).status_code == 200
    part = client.get(
        f"{api}/downloads/digits.txt", headers={"Range": "bytes=99-"}, timeout=walk.WAIT
    )
    assert part.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "path",
    [
        "/_downloads/digits.txt",
        "/_downloads/../_downloads/digits.txt",
        "/downloads/.hidden",
        "/downloads/%2ehidden",
        "/downloads/out.txt",
        "/downloads/../outside.txt",
        "/downloads/..%2foutside.txt",
        "/downloads/%2e%2e/outside.txt",
        "/downloads/x/..%5c..%5coutside.txt",
        "/downloads/digits.txt%00",
        "/downloads/",
        "/downloads/nothing.txt",
    ],
)
def test_nginx_sends_no_other_files(site: Site, ada: requests.Session, path: str) -> None:
    """The path is sent as it is: clients would resolve its dots."""
    request = ada.prepare_request(requests.Request("GET", site.address))
    request.url = f"{site.address}{path}"
    answer = ada.send(request, verify=site.authority, timeout=walk.WAIT)
    assert b"secret" not in answer.content
    assert CONTENT not in answer.content
    assert answer.status_code == (200 if path == "/downloads/" else 400 if "%00" in path else 404)


def test_nginx_sends_no_files_to_strangers(site: Site) -> None:
    answer = site.client().get(f"{site.address}/downloads/digits.txt", timeout=walk.WAIT)
    assert answer.url.endswith("/login?next=/downloads/digits.txt")


def test_a_client_chooses_neither_its_address_nor_its_request_id(site: Site) -> None:
    client = site.client()
    client.headers.update({"X-Forwarded-For": "203.0.113.9", "X-Request-ID": "chosen"})
    api = f"{site.address}/api/v1"
    answer = client.post(f"{api}/sessions", json=nodes.ADA, timeout=walk.WAIT)
    assert answer.headers["X-Request-ID"] != "chosen"
    client.headers["Authorization"] = f"Bearer {answer.json()['token']}"
    sessions = client.get(f"{api}/sessions", timeout=walk.WAIT).json()["sessions"]
    (current,) = [session for session in sessions if session["current"]]
    assert current["ip_address"] == "127.0.0.1"


@pytest.mark.parametrize("size", [66_000, 1_000_000])
def test_the_app_refuses_a_long_body_itself(site: Site, size: int) -> None:
    answer = requests.post(
        f"{site.address}/api/v1/accounts",
        data=b"x" * size,
        headers={"Content-Type": "application/json"},
        verify=site.authority,
        timeout=walk.WAIT,
    )
    assert answer.status_code == 413
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "Content-Security-Policy" in answer.headers
