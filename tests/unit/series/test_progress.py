"""How far it has come, how fast it goes, how long it will take."""

from __future__ import annotations

from mwgan.series.progress import SliceProgress


def test_slices_that_another_process_did_say_nothing_of_the_speed():
    with SliceProgress(100, before=40) as progress:
        progress.reached(50)
    assert progress.line(progress._began + 20.0) == "slices 50 of 100, 2.0 s each, 0:01:40 left"
    assert progress.line(progress._began + 2.0) == "slices 50 of 100, 5.0 a second, 0:00:10 left"


def test_a_log_gets_a_line_from_time_to_time(capsys, monkeypatch):
    with SliceProgress(10) as progress:
        progress.reached(1)
        assert capsys.readouterr().out == ""
        progress._told -= 40
        progress.reached(2)
        progress.reached(3)
    assert capsys.readouterr().out.count("slices 2 of 10") == 1
