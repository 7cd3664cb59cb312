"""The shape of the house: short files, rooms that say what they are, no circle, and a test for every part of a run's life."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from mwgan.paths import PACKAGE

LONGEST_FILE = 300  # lines
LONGEST_FRONT = 1400  # of cli/, which only parses and prints
FRONT, LIFE_OF_A_RUN = PACKAGE / "cli", PACKAGE / "runs"
UNIT_TESTS = Path(__file__).parent / "unit"

FILES = sorted(PACKAGE.rglob("*.py"))
ROOMS = sorted(file.parent for file in FILES if file.name == "__init__.py")


def lines(file: Path) -> int:
    return len(file.read_text(encoding="utf-8").splitlines())


def name_of(file: Path, package: Path = PACKAGE) -> str:
    """``mwgan/recon/wbp.py`` to ``mwgan.recon.wbp``, a package's own file to the package."""
    parts = file.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def at_the_top(body: list[ast.stmt]) -> Iterator[ast.Import | ast.ImportFrom]:
    """The imports of a module but those in functions; those for type checkers tie it to others as well."""
    for node in body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield node
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        else:
            for inner in ("body", "orelse", "finalbody"):
                yield from at_the_top(getattr(node, inner, []))
            for handler in getattr(node, "handlers", []):
                yield from at_the_top(handler.body)


def loaded_by(source: str, module: str, is_package: bool, modules: set[str]) -> set[str]:
    """Which of ``modules`` a module names as it is loaded.

    ``from package import module`` loads the module. A module of one's own package loads that package's file first; that is not counted,
    or every package that gathers its modules' names would be a circle.
    """
    package = module if is_package else module.rpartition(".")[0]
    found = set()
    for node in at_the_top(ast.parse(source).body):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
            continue
        above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
        origin = ".".join([*above, *([node.module] if node.module else [])])
        found |= {inner if (inner := f"{origin}.{alias.name}") in modules else origin for alias in node.names}
    return (found & modules) - {module}


def circle(imports: Mapping[str, set[str]]) -> list[str]:
    """The modules of a circle in the order they import one another, the first one again at the end; empty if there is none."""
    done: set[str] = set()

    def walk(module: str, way: list[str]) -> list[str]:
        if module in way:
            return [*way[way.index(module) :], module]
        if module in done:
            return []
        for other in sorted(imports[module]):
            if found := walk(other, [*way, module]):
                return found
        done.add(module)
        return []

    return next((found for module in imports if (found := walk(module, []))), [])


def imports_of(files: list[Path], package: Path = PACKAGE) -> dict[str, set[str]]:
    modules = {name_of(file, package) for file in files}
    return {
        name_of(file, package): loaded_by(file.read_text(encoding="utf-8"), name_of(file, package), file.name == "__init__.py", modules)
        for file in files
    }


@pytest.mark.parametrize("file", FILES, ids=[name_of(file) for file in FILES])
def test_a_file_is_read_in_one_sitting(file):
    assert lines(file) <= LONGEST_FILE


def test_the_front_only_parses_and_prints():
    assert sum(lines(file) for file in FRONT.rglob("*.py")) < LONGEST_FRONT


@pytest.mark.parametrize("room", ROOMS, ids=[name_of(room / "__init__.py") for room in ROOMS])
def test_a_room_says_what_it_is(room):
    docstring = ast.get_docstring(ast.parse((room / "__init__.py").read_text(encoding="utf-8")))
    assert docstring
    assert len(docstring.split()) >= 4


def test_every_folder_of_modules_is_a_room():
    assert {file.parent for file in FILES} == set(ROOMS)


@pytest.mark.parametrize("module", [file.stem for file in sorted(LIFE_OF_A_RUN.glob("*.py")) if file.name != "__init__.py"])
def test_every_module_of_a_runs_life_has_unit_tests(module):
    """Of its own, in a file of its name, besides the end-to-end ones."""
    tests = ast.parse((UNIT_TESTS / "runs" / f"test_{module}.py").read_text(encoding="utf-8"))
    assert any(isinstance(node, ast.FunctionDef) and node.name.startswith("test_") for node in ast.walk(tests))
    assert any(f"mwgan.runs.{module}" in name for name in named(tests)), "it imports another module than the one it is named after"


def named(tree: ast.AST) -> Iterator[str]:
    """The modules and names that are imported."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_no_unit_test_of_a_runs_life_is_of_a_module_that_is_gone():
    modules = {file.stem for file in LIFE_OF_A_RUN.glob("*.py")}
    assert {file.stem.removeprefix("test_") for file in (UNIT_TESTS / "runs").glob("test_*.py")} <= modules


def test_no_module_needs_itself():
    assert circle(imports_of(FILES)) == []


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        ({"a": "from house import b", "b": "import house.c", "c": "from .a import x"}, ["house.a", "house.b", "house.c", "house.a"]),
        ({"a": "from house.b import x", "b": "def late():\n    from house.a import x"}, []),
        ({"a": "from house.b import x", "b": "class X:\n    from house.a import x"}, ["house.a", "house.b", "house.a"]),
        ({"a": "from house.b import x", "b": "if TYPE_CHECKING:\n    from house.a import x"}, ["house.a", "house.b", "house.a"]),
        ({"a": "from house.b import x", "b": "try:\n    import house.a\nexcept ImportError:\n    pass"}, ["house.a", "house.b", "house.a"]),
        ({"__init__": "from house.a import x", "a": "import numpy\nfrom house.b import y", "b": ""}, []),
        ({"__init__": "from house.a import x", "a": "from house import y"}, ["house", "house.a", "house"]),
        ({"room/__init__": "from .a import x", "room/a": "from ..other import y", "other": ""}, []),
    ],
)
def test_the_walk_finds_circles(sources, expected, tmp_path):
    house = tmp_path / "house"
    for name, text in sources.items():
        (house / f"{name}.py").parent.mkdir(parents=True, exist_ok=True)
        (house / f"{name}.py").write_text(text)
    found = circle(imports_of(sorted(house.rglob("*.py")), house))
    assert (found[:-1] and set(found), len(found)) == (expected[:-1] and set(expected), len(expected))
