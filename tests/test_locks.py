"""The lock files hold exactly what each variant's pyproject.toml requires, on every system."""

import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

from tests import commands
from tests.conftest import SOURCE
from tests.variants import VARIANTS, Variant
from tools import lock

SYSTEMS = ("x86_64-unknown-linux-gnu", "aarch64-apple-darwin", "x86_64-pc-windows-msvc")
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
RENEW = "The lock files don't match pyproject.toml. Renew them: python -m tools.lock"


@cache
def closure(requirements: tuple[str, ...], known: str) -> frozenset[str]:
    """Return the packages that some requirements lead to, in the versions of a lock."""
    return pins("".join(lock.resolve(requirements, known)))


def pins(text: str) -> frozenset[str]:
    """Return the names, versions and conditions in a lock, without the hashes."""
    return frozenset(entry.partition(" \\\n")[0] for entry in lock.entries(text))


def test_each_lock_matches_pyproject(variant: Variant, rendered: Path) -> None:
    run, dev = lock.requirements((rendered / "pyproject.toml").read_text("utf-8"))
    for name, asked in ((lock.RUN, run), (lock.DEV, [*run, *dev])):
        text = (rendered / name).read_text("utf-8")
        found, needed = pins(text), closure((*asked,), text)
        assert found == needed, f"{RENEW}\nmissing: {needed - found}\nunneeded: {found - needed}"


def test_tests_run_with_the_versions_of_production(rendered: Path) -> None:
    run, dev = (
        set(lock.entries((rendered / name).read_text("utf-8"))) for name in (lock.RUN, lock.DEV)
    )
    assert run < dev


@pytest.mark.parametrize("name", [lock.RUN, lock.DEV])
def test_every_line_of_a_lock_is_a_comment_a_version_or_a_hash(name: str) -> None:
    text = (SOURCE / name).read_text("utf-8")
    left = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)
    for entry in lock.entries(left):
        assert re.fullmatch(
            r"[a-z0-9-]+==[\w.]+( ; [\w'<>=!. ]+)?( \\\n    --hash=sha256:[0-9a-f]{64})+\n", entry
        )
        left = left.replace(entry, "")
    assert left == ""


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("python", PYTHONS)
def test_nothing_is_compiled_to_install_a_lock(system: str, python: str, tmp_path: Path) -> None:
    options = f"--dry-run --only-binary :all: --python-platform {system} --python-version {python}"
    commands.uv(
        "pip",
        "install",
        *options.split(),
        "--target",
        tmp_path,
        "--require-hashes",
        "-r",
        lock.DEV,
        folder=SOURCE,
    )


def test_a_set_that_changes_with_the_variant_gets_a_condition() -> None:
    web = frozenset(variant for variant in VARIANTS if variant.web)
    mysql = frozenset(variant for variant in VARIANTS if variant.backend == "mysql")
    everything = frozenset(VARIANTS)
    assert lock.condition(everything) == "true"
    assert lock.condition(web) == 'cookiecutter.interface != "api"'
    for variants in (everything - web, everything - mysql, web | mysql, everything - web - mysql):
        text = f"#: if {lock.condition(variants)}\nthere\n#: endif\n"
        with_it = {each for each in VARIANTS if "there" in lock.rendered(text, each)}
        assert with_it == variants


def test_unsatisfiable_requirements_show_the_message_of_uv(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        lock.resolve(["blinker>=1.9", "blinker<1.9"], "")
    assert "unsatisfiable" in capfd.readouterr().err
