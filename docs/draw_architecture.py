"""Draw how the packages of mwgan build on one another, from the imports in their files: ``python docs/draw_architecture.py``.

An arrow leads from a package to one that it imports, unless it reaches that through another one. Small modules that many
import are left out.
"""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "mwgan"
PICTURE = Path(__file__).parent / "pictures" / "architecture.svg"
LEFT_OUT = {"errors", "paths", "files", "memory", "parts", "signals", "methods", "configuration", "provenance", "testing"}
IMPORT = re.compile(r"^\s*(?:from|import) mwgan\.(\w+)", re.MULTILINE)
WIDTH, HEIGHT = 104, 30  # of a box, in pixels
ACROSS, BETWEEN, DOWN = 124, 24, 78  # what a box takes of its layer, and an arrow that passes it; from a layer to the next

Graph = dict[str, set[str]]


def read_imports() -> Graph:
    """What each package, or module beside the packages, imports of the others."""
    graph: Graph = {}
    for file in PACKAGE.rglob("*.py"):
        name = file.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if name != "__init__" and name not in LEFT_OUT:
            graph.setdefault(name, set()).update(IMPORT.findall(file.read_text(encoding="utf-8")))
    return {name: {other for other in others if other in graph and other != name} for name, others in graph.items()}


def reach(graph: Graph, name: str) -> set[str]:
    """All that a package builds on, directly or through others."""
    return graph[name].union(*(reach(graph, other) for other in graph[name]))


def reduce(graph: Graph) -> Graph:
    """The graph without arrows that a longer way replaces."""
    return {name: others.difference(*(reach(graph, other) for other in others)) for name, others in graph.items()}


def levels(graph: Graph) -> dict[str, int]:
    """How many steps a package is below the highest ones, by the longest way."""
    users = {name: [user for user in graph if name in graph[user]] for name in graph}

    def level(name: str) -> int:
        return 1 + max((level(user) for user in users[name]), default=-1)

    return {name: level(name) for name in graph}


def ways(graph: Graph, level: dict[str, int]) -> dict[tuple[str, str], list[str]]:
    """The points that each arrow goes through: one in each layer between its ends keeps it off the boxes there."""
    return {
        (name, other): [name, *(f"{name}-{other}-{between}" for between in range(level[name] + 1, level[other])), other]
        for name, others in sorted(graph.items())
        for other in sorted(others)
    }


def arrange(graph: Graph) -> tuple[dict[str, tuple[float, float]], dict[tuple[str, str], list[str]]]:
    """The place (x, y) of each box and point, those of a layer ordered by the places of their neighbours; and the arrows' ways."""
    level = levels(graph)
    arrows = ways(graph, level)
    neighbours: dict[str, set[str]] = {name: set() for name in level}
    for way in arrows.values():
        for step, (upper, lower) in enumerate(pairwise(way), start=1):
            level.setdefault(lower, level[way[0]] + step)
            neighbours.setdefault(upper, set()).add(lower)
            neighbours.setdefault(lower, set()).add(upper)
    rows = [[name for name in level if level[name] == wanted] for wanted in range(1 + max(level.values()))]
    x: dict[str, float] = {}

    def spread(row: list[str]) -> None:
        needed = [ACROSS if name in graph else BETWEEN for name in row]
        x.update({name: sum(needed[:number]) + needed[number] / 2 - sum(needed) / 2 for number, name in enumerate(row)})

    for row in rows:
        spread(row)
    for turn in range(24):
        for row in rows if turn % 2 else rows[::-1]:
            row.sort(key=lambda name: sum(x[other] for other in neighbours[name]) / max(1, len(neighbours[name])))
            spread(row)
    left = min(x.values()) - ACROSS / 2 - 10
    return {name: (x[name] - left, DOWN * (level[name] + 0.5)) for name in x}, arrows


def draw(graph: Graph) -> str:
    """The picture as SVG; each arrow has the id ``USER-builds-on-PACKAGE``."""
    place, arrows = arrange(graph)
    curves, boxes, names = [], [], []
    for (name, other), way in arrows.items():
        x, y = place[name]
        curve = f"M{x:g} {y + HEIGHT / 2:g}"
        for point in way[1:]:
            upper, (x_to, y_to) = y + HEIGHT / 2, place[point]
            lower = y_to - HEIGHT / 2 - (4 if point == other else 0)
            curve += f" C{x:g} {upper + 22:g} {x_to:g} {lower - 22:g} {x_to:g} {lower:g}"
            curve += "" if point == other else f" V{y_to + HEIGHT / 2:g}"
            x, y = x_to, y_to
        curves.append(f'<path id="{name}-builds-on-{other}" d="{curve}" marker-end="url(#tip)"/>')
    for name in sorted(graph):
        x, y = place[name]
        boxes.append(f'<rect x="{x - WIDTH / 2:g}" y="{y - HEIGHT / 2:g}" width="{WIDTH}" height="{HEIGHT}" rx="5"/>')
        names.append(f'<text x="{x:g}" y="{y + 4:g}">{name}</text>')
    width, height = max(x for x, _ in place.values()) + ACROSS / 2, max(y for _, y in place.values()) + DOWN / 2
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" font-family="sans-serif" font-size="13">',
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="4" refY="4" markerWidth="7" markerHeight="7" orient="auto">',
            '<path d="M0 0L8 4L0 8z" fill="#567"/></marker></defs>',
            '<rect width="100%" height="100%" fill="white"/>',
            *('<g fill="none" stroke="#567" stroke-width="1.1">', *curves, "</g>"),
            *('<g fill="#e8f0f8" stroke="#246">', *boxes, "</g>"),
            *('<g fill="#123" text-anchor="middle">', *names, "</g>", "</svg>", ""),
        ]
    )


if __name__ == "__main__":
    PICTURE.write_text(draw(reduce(read_imports())), encoding="utf-8")
