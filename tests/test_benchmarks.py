"""The benchmarks run, and their pages show what was measured."""

from pathlib import Path

import pytest

from benchmarks import growth, report, side_by_side


@pytest.fixture
def run(tmp_path: Path) -> side_by_side.Run:
    """Run a benchmark as briefly as possible."""
    return side_by_side.Run(tmp_path, rounds=1, requests=1, given=None)


def test_apps_are_compared(run: side_by_side.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "DOCS", run.folder)
    rows, alone = side_by_side.measure(run)
    report.write(rows, alone, run.programs, "")
    counted = next(found for title, _, found in rows if title.startswith("SQL statements"))
    assert {name: value for name, (value, _) in counted.items()} == dict.fromkeys(report.APPS, 1)
    assert all(value > 0 for _, _, found in [*rows, *alone] for value, _ in found.values())
    page = (run.folder / "benchmarks.md").read_text("utf-8")
    plot = (run.folder / "benchmarks.svg").read_text("utf-8")
    assert all(title in page for title, _, _ in [*rows, *alone])
    assert all(title in plot for title, _, _ in rows)


def test_growth_is_measured(run: side_by_side.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "DOCS", run.folder)
    urls = [f"sqlite:///{run.folder}/{size}.db" for size in ("small", "large")]
    found = growth.measure(run, "sqlite", urls, accounts=2000)
    growth.write({"SQLite": found}, 2000, 1)
    page = (run.folder / "growth.md").read_text("utf-8")
    assert all(f"| {title}, SQLite |" in page for title, _, _ in found)
