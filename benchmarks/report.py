"""The page `docs/benchmarks.md` and its plot."""

import sys
from importlib.metadata import distributions
from pathlib import Path

from benchmarks.measures import Finding

DOCS = Path(__file__).parents[1] / "docs"
APPS = {"ours": "this template", "security": "Flask-Security", "bare": "bare Flask-Login"}
COLORS = {"ours": "#2563eb", "security": "#9333ea", "bare": "#6b7280", "hash": "#6b7280"}
OTHERS = {"hash": "its hash alone", "empty": "empty template"}
SHOWN = (
    "Flask",
    "Flask-Login",
    "Flask-Security",
    "Flask-SQLAlchemy",
    "SQLAlchemy",
    "psycopg",
    "gunicorn",
)
# The title, the unit, and what was found.
Row = tuple[str, str, Finding]

HEAD = """\
# Benchmarks

`make benchmark` writes this page. Each row compares apps that do the same, measured alternately in one run. Pages come from the same templates. The apps
run under gunicorn, with one worker unless stated otherwise. Times are CPU time of the worker, so they grow on a busy machine; the ratios vary by a
tenth from run to run. Each cell has the measured value and, in parentheses, its ratio to the column on the right. Lower is better.

The bare app is what you would write by hand in about 60 lines (`benchmarks/rivals/bare.py`). Flask-Security has its defaults. Neither of them
adds security headers, signs a token for forms into the page, limits anything, or has a row for each session.
"""
ALONE = """\
## Compared with the minimum

| | this template | the least |
| --- | --- | --- |
"""


def write(rows: list[Row], alone: list[Row], programs: Path, circumstances: str) -> None:
    """Write the tables and the plot."""
    lines = [HEAD, f"| | {' | '.join(APPS.values())} |", "| --- | --- | --- | --- |"]
    for title, unit, found in rows:
        lines.append(f"| {title} | {' | '.join(_cell(found, name, unit) for name in APPS)} |")
    lines += ["", ALONE.rstrip()]
    for title, unit, found in alone:
        other = next(name for name in found if name != "ours")
        least = f"{found[other][0]:.2f} {unit}, {OTHERS[other]}"
        lines.append(f"| {title} | {_cell(found, 'ours', unit)} | {least} |")
    lines += ["", "![The ratios as bars](benchmarks.svg)", ""]
    lines += [f"Measured with {_versions(programs)}{circumstances}.", ""]
    (DOCS / "benchmarks.md").write_text("\n".join(lines), "utf-8")
    (DOCS / "benchmarks.svg").write_text(_plot(rows), "utf-8")


def _cell(found: Finding, name: str, unit: str) -> str:
    if name not in found:
        return ""
    value, ratio = found[name]
    return f"{value:.2f} {unit}".strip() + f" ({ratio:.2f})"


def _versions(programs: Path) -> str:
    folders = [str(folder) for folder in programs.parent.glob("lib/*/site-packages")]
    known = {
        each.name.lower().replace("-", "_"): each.version for each in distributions(path=folders)
    }
    shown = [f"{name} {known.get(name.lower().replace('-', '_'), '?')}" for name in SHOWN]
    return f"Python {'.'.join(map(str, sys.version_info[:3]))}, {', '.join(shown)}"


def _plot(rows: list[Row]) -> str:
    """Draw the ratios as bars."""
    parts, y = [], 20
    for title, _, found in rows:
        parts.append(f'<text x="10" y="{y}" font-weight="bold">{title}</text>')
        for name, (_, ratio) in found.items():
            y += 22
            parts.append(f'<text x="10" y="{y}">{APPS[name]}</text>')
            bar = f'width="{ratio * 200:.0f}" height="14" fill="{COLORS[name]}"'
            parts.append(f'<rect x="150" y="{y - 11}" {bar}/>')
            parts.append(f'<text x="{155 + ratio * 200:.0f}" y="{y}">{ratio:.2f}</text>')
        y += 32
    style = 'font-family="sans-serif" font-size="13" fill="#111"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="760" height="{y}" {style}>'
    return f'{head}<rect width="760" height="{y}" fill="#fff"/>{"".join(parts)}</svg>\n'
