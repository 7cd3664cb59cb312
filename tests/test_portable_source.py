"""What only one system decides is never left to it: every module is read, none is run. mypy --platform finds what a system lacks."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from mwgan.paths import PACKAGE

MODULES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))
TEXT = ("read_text", "write_text")
PROCESSES = ("run", "Popen", "check_output", "check_call", "call")


def left_to_the_system(source: str) -> Iterator[str]:
    """Calls that read or write text, or run a program for its text, and don't say in which encoding."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        called = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id if isinstance(node.func, ast.Name) else ""
        given = {keyword.arg: keyword.value for keyword in node.keywords}
        if "encoding" in given:
            continue
        modes = [text for text in map(literal, [*node.args[:2], given.get("mode")]) if isinstance(text, str)]
        opens_text = isinstance(node.func, ast.Name) and called == "open" and not any("b" in mode for mode in modes[-1:])
        opens_text |= isinstance(node.func, ast.Attribute) and called == "open" and any(set(mode) <= set("rwaxt+") for mode in modes[:1])
        texts = isinstance(node.func, ast.Attribute) and called in TEXT
        if texts or opens_text or (called in PROCESSES and literal(given.get("text")) is True):
            yield f"line {node.lineno}: {called} without encoding"


def literal(node: ast.expr | None) -> object:
    return node.value if isinstance(node, ast.Constant) else None


@pytest.mark.parametrize("module", MODULES)
def test_text_is_read_and_written_in_a_named_encoding(module):
    assert list(left_to_the_system((PACKAGE / module).read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "source",
    ["path.read_text()", "path.write_text('a')", "open('a')", "open('a', 'w')", "path.open('w')", "subprocess.run(['git'], text=True)"],
)
def test_the_walk_finds_what_is_left_to_the_system(source):
    assert len(list(left_to_the_system(source))) == 1


@pytest.mark.parametrize(
    "source", ["path.open('rb')", "open('a', 'wb')", "open('a', encoding='utf-8')", "Image.open(path)", "run(['git'])"]
)
def test_the_walk_lets_pass_what_is_said(source):
    assert list(left_to_the_system(source)) == []
