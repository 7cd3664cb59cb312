"""The drawing in docs/architecture.md shows the imports that there are."""

from __future__ import annotations

import re
from pathlib import Path
from runpy import run_path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
drawing = run_path(str(DOCS / "draw_architecture.py"))


def test_the_drawing_is_of_todays_imports():
    graph = drawing["reduce"](drawing["read_imports"]())
    assert (DOCS / "pictures" / "architecture.svg").read_text(encoding="utf-8") == drawing["draw"](graph), (
        "python docs/draw_architecture.py draws it anew"
    )


def test_arrows_point_down_from_the_programs_to_the_geometry():
    graph = drawing["read_imports"]()
    assert "operators" in graph["recon"]
    assert "geometry" in drawing["reach"](graph, "cli")
    assert graph["geometry"] == set()
    place, arrows = drawing["arrange"](drawing["reduce"](graph))
    assert len(arrows) > 20
    assert all(place[user][1] < place[used][1] for user, used in arrows)


@pytest.mark.parametrize(
    ("graph", "expected"),
    [
        ({"a": {"b", "c"}, "b": {"c"}, "c": set()}, {"a": {"b"}, "b": {"c"}, "c": set()}),
        ({"a": {"b", "c"}, "b": set(), "c": set()}, {"a": {"b", "c"}, "b": set(), "c": set()}),
    ],
)
def test_an_arrow_that_a_longer_way_replaces_is_left_out(graph, expected):
    assert drawing["reduce"](graph) == expected


def test_an_arrow_passes_between_the_boxes_of_a_layer():
    svg = drawing["draw"]({"a": {"b", "d"}, "b": {"c"}, "c": {"d"}, "d": set()})
    columns = {name: float(x) for x, name in re.findall(r'<text x="([\d.]+)" y="[\d.]+">(\w)</text>', svg)}
    way = re.search(r'id="a-builds-on-d" d="([^"]+)"', svg)[1]
    passes = [float(x) for x in re.findall(r"([\d.]+) [\d.]+ V", way)]
    assert len(passes) == 2
    assert all(abs(x - columns[box]) > drawing["WIDTH"] / 2 for x, box in zip(passes, ("b", "c"), strict=True))
