"""docs/security.md of an app: its tests exist, and no item of the standard is missing."""

import ast
import re
from pathlib import Path

from tests.variants import EVERYTHING, Variant

# The items of ASVS 5.0 at level 1 and 2: for each section, their numbers.
ITEMS = """
1.1: 1-2  1.2: 1-9  1.3: 1-11  1.4: 1-3  1.5: 1-2
2.1: 1-3  2.2: 1-3  2.3: 1-4  2.4: 1
3.2: 1-2  3.3: 1-4  3.4: 1-6  3.5: 1-5  3.7: 1-2
4.1: 1-3  4.2: 1  4.3: 1-2  4.4: 1-4
5.1: 1  5.2: 1-3  5.3: 1-2  5.4: 1-3
6.1: 1-3  6.2: 1-12  6.3: 1-4  6.4: 1-4  6.5: 1-5  6.6: 1-3  6.8: 1-4
7.1: 1-3  7.2: 1-4  7.3: 1-2  7.4: 1-5  7.5: 1-2  7.6: 1-2
8.1: 1-2  8.2: 1-3  8.3: 1  8.4: 1
9.1: 1-3  9.2: 1-4
10.1: 1-2  10.2: 1-2  10.3: 1-4  10.4: 1-11  10.5: 1-5  10.6: 1-2  10.7: 1-3
11.1: 1-2  11.2: 1-3  11.3: 1-3  11.4: 1-4  11.5: 1  11.6: 1
12.1: 1-3  12.2: 1-2  12.3: 1-4
13.1: 1  13.2: 1-5  13.3: 1-2  13.4: 1-5
14.1: 1-2  14.2: 1-4  14.3: 1-3
15.1: 1-3  15.2: 1-3  15.3: 1-5,7  15.3: 6
16.1: 1  16.2: 1-5  16.3: 1-4  16.4: 1-3  16.5: 1-3
17.1: 1  17.2: 1-4  17.3: 1-2
"""
Item = tuple[int, ...]


def standard() -> set[Item]:
    """Return every item of the standard at level 1 and 2."""
    items: set[Item] = set()
    for section, numbers in re.findall(r"(\d+\.\d+): (\S+)", ITEMS):
        chapter, part = map(int, section.split("."))
        for run in numbers.split(","):
            first, _, last = run.partition("-")
            items |= {(chapter, part, n) for n in range(int(first), int(last or first) + 1)}
    return items


def treated(document: str) -> list[Item]:
    """Return the items in the first column of the document's tables, `a to b` being all between."""
    found: list[Item] = []
    for cell in re.findall(r"^\| (\d+\.\d+\.\d+[^|]*) \|", document, re.MULTILINE):
        for part in cell.split(", "):
            first, _, last = part.partition(" to ")
            low, high = (tuple(map(int, each.split("."))) for each in (first, last or first))
            between = {item for item in standard() if low <= item <= high}
            found += between or {low}
    return found


def functions(path: Path) -> set[str]:
    """Return the names of a module's functions."""
    tree = ast.parse(path.read_text("utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_test_in_the_table_exists(rendered: Path) -> None:
    document = (rendered / "docs" / "security.md").read_text("utf-8")
    named = set(re.findall(r"`([\w/]+\.py)::(\w+)`", document))
    assert len(named) > 50
    missing = {
        f"{path}::{name}"
        for path, name in named
        if not (rendered / "tests" / path).exists()
        or name not in functions(rendered / "tests" / path)
    }
    assert not missing


def test_every_item_has_its_row(variant: Variant, rendered: Path) -> None:
    items = treated((rendered / "docs" / "security.md").read_text("utf-8"))
    assert len(items) == len(set(items)), "an item stands in two rows"
    missing = standard() - set(items)
    assert not missing
    if variant == EVERYTHING:
        assert {(6, 3, 7), (6, 3, 8)} <= set(items)
