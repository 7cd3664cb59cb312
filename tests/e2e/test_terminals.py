"""What a terminal asks for: completion of words, narrow lines, no colours."""

from __future__ import annotations

import pytest
from called import mwgan

ESCAPE = "\x1b"


@pytest.mark.parametrize(
    ("typed", "completed"), [("mwgan rec", {"reconstruct", "recipe"}), ("mwgan weights pu", {"push", "pull"}), ("mwgan si", {"simulate"})]
)
def test_commands_are_completed(typed, completed, monkeypatch):
    """As the script does that mwgan --install-completion puts into bash's configuration."""
    monkeypatch.setenv("_MWGAN_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", typed)
    monkeypatch.setenv("COMP_CWORD", str(len(typed.split()) - 1))
    assert set(mwgan().stdout.split()) == completed


def test_the_options_for_completion_are_there():
    assert "--install-completion" in mwgan("--help").stdout


@pytest.mark.parametrize("arguments", [("--help",), ("reconstruct", "--help"), ("weights", "--help")])
def test_help_fits_a_narrow_terminal(arguments, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERMINAL_WIDTH", "40")
    shown = mwgan(*arguments).stdout
    assert max(map(len, shown.splitlines())) <= 40
    assert ESCAPE not in shown


def test_a_mistake_is_a_sentence_without_colour_or_frame(monkeypatch):
    for name in ("FORCE_COLOR", "NO_COLOR"):
        monkeypatch.setenv(name, "1")
    done = mwgan("reconstruct", "absent.mrc", "-o", "volume.mrc")
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert ESCAPE not in done.stderr
