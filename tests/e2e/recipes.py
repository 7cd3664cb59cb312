"""The recipes of docs/extending.md, taken out of the page: what is run is what is read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

PAGE = Path(__file__).parents[2] / "docs/extending.md"
BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A block of code: a file of this name to write, or something to run."""

    language: str
    file: str
    text: str

    @property
    def lines(self) -> list[str]:
        return [line for line in self.text.splitlines() if line.strip()]


class Recipe(NamedTuple):
    """A section of the page."""

    title: str
    blocks: list[Block]

    @property
    def files(self) -> list[Block]:
        return [block for block in self.blocks if block.file]

    @property
    def steps(self) -> list[Block]:
        """What is run, in the order of the page."""
        return [block for block in self.blocks if not block.file and block.language in ("sh", "python")]

    def write(self, folder: Path) -> None:
        for block in self.files:
            path = folder / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text)


def sections() -> dict[str, Recipe]:
    """Every section of the page by its heading, of whatever level."""
    parts = re.split(r"^#{1,2} (.*)$", PAGE.read_text(), flags=re.MULTILINE)
    found = {}
    for title, text in zip(parts[1::2], parts[2::2], strict=True):
        found[title] = Recipe(title, [Block(*match) for match in BLOCK.findall(text)])
    return found


RECIPES = {
    title: sections()[title]
    for title in ("A network", "A classical method", "An image source", "A series format", "A metric", "A figure", "A logger")
}
