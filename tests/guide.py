"""Follow a rendered app's guide, `docs/guide.md`, as its owner would: create, edit, run."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

# What to do, a fenced block to do it with.
STEP = re.compile(
    r"^(?:Create `(?P<create>[^`\n]+)`[^\n]*:"
    r"|At the end of `(?P<end>[^`\n]+)`, add:"
    r"|In `(?P<below>[^`\n]+)`, below `(?P<line>[^\n]+)`, add:"
    r"|In `(?P<replace>[^`\n]+)`, replace `(?P<old>[^\n]+)` with:)\n\n"
    r"```\w+\n(?P<block>.*?)^```$"
    r"|^```sh\n(?P<commands>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Step:
    """A change of a file, or commands."""

    found: re.Match[str]

    @property
    def commands(self) -> list[str]:
        """The commands to run."""
        return (self.found["commands"] or "").splitlines()

    def edit(self, folder: Path) -> None:
        """Change the file that the step names. What it looks for has to be there once."""
        names = (self.found[kind] for kind in ("create", "end", "below", "replace"))
        name = next(filter(None, names))
        path, block = folder / name, self.found["block"]
        if self.found["create"]:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block, "utf-8")
            return
        if self.found["end"]:
            # What is indented goes on with the last function.
            gap = "\n" if block.startswith(" ") else "\n\n"
            path.write_text(path.read_text("utf-8") + gap + block, "utf-8")
            return
        text, wanted = path.read_text("utf-8"), self.found["line"] or self.found["old"]
        if text.count(wanted) != 1:
            pytest.fail(f"{name} has {text.count(wanted)} times: {wanted}", pytrace=False)
        if self.found["old"]:
            text = text.replace(wanted, block.removesuffix("\n"))
        else:
            end = text.index("\n", text.index(wanted)) + 1
            text = text[:end] + block + text[end:]
        path.write_text(text, "utf-8")


def steps(folder: Path) -> Iterator[Step]:
    """Yield the guide's steps in order."""
    for found in STEP.finditer((folder / "docs" / "guide.md").read_text("utf-8")):
        yield Step(found)
