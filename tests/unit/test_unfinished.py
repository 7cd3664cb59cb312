"""Work that resumes where it was stopped."""

from __future__ import annotations

import pytest

from mwgan.errors import InputError
from mwgan.files.partials import take_report
from mwgan.files.unfinished import Unfinished


@pytest.fixture(autouse=True)
def _nothing_left_to_say():
    take_report()


def work(output, key, steps, stop_after=None, error=KeyboardInterrupt):
    """Writes a byte a step, from the first that is not done; which steps this call did."""
    did = []
    with Unfinished(output, key) as files:
        partial = files.add(output)
        files.stands_at = f"{len(files.done)} steps"
        if not partial.exists():
            partial.write_bytes(bytes(steps))
        files.begin({"steps": steps})
        for step in range(len(files.done), files.plan["steps"]):
            if step == stop_after:
                raise error
            with partial.open("r+b") as file:
                file.seek(step)
                file.write(bytes([step + 1]))
            files.finished({"step": step})
            files.stands_at = f"{len(files.done)} steps"
            did.append(step)
    return did


def names(folder):
    return sorted(file.name for file in folder.iterdir())


def test_what_was_interrupted_goes_on_where_it_was(tmp_path):
    output = tmp_path / "o"
    output.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt):
        work(output, "a", 5, stop_after=2)
    assert output.read_bytes() == b"old"
    assert take_report() == "2 steps are kept: the same command resumes there"
    with pytest.raises(SystemExit):
        work(output, "a", 5, stop_after=4, error=SystemExit(143))
    assert work(output, "a", 5) == [4]
    assert output.read_bytes() == bytes([1, 2, 3, 4, 5])
    assert names(tmp_path) == ["o"]
    assert work(output, "a", 5) == [0, 1, 2, 3, 4]


def test_another_key_starts_anew_and_takes_what_was_left_away(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        work(tmp_path / "o", "a", 5, stop_after=2)
    left = names(tmp_path)
    assert len(left) == 1
    assert left[0].startswith(".o.")
    assert left[0].endswith(".partial")
    assert work(tmp_path / "o", "b", 5) == [0, 1, 2, 3, 4]
    assert names(tmp_path) == ["o"]


@pytest.mark.parametrize("error", [InputError("bad"), OSError(28, "full"), RuntimeError("broken")])
def test_an_error_leaves_nothing(tmp_path, error):
    with pytest.raises(type(error)):
        work(tmp_path / "o", "a", 5, stop_after=2, error=error)
    assert names(tmp_path) == []


def test_without_a_key_nothing_is_kept(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        work(tmp_path / "o", None, 5, stop_after=2)
    assert names(tmp_path) == []


def test_an_interruption_before_the_first_step_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        work(tmp_path / "o", "a", 5, stop_after=0)
    assert names(tmp_path) == []
    assert take_report() == "unfinished files are removed"


def test_two_processes_never_do_the_same_work_at_once(tmp_path):
    output = tmp_path / "o"
    with Unfinished(output, "a") as files:
        partial = files.add(output)
        with pytest.raises(InputError, match="another process"):
            work(output, "a", 3)
        assert work(output, "b", 3) == [0, 1, 2]  # other work has a place of its own, and leaves this one's alone
        partial.write_bytes(b"last")
    assert output.read_bytes() == b"last"
    assert names(tmp_path) == ["o"]


@pytest.mark.parametrize("damage", ["half a line", "no partial", "no words"])
def test_a_damaged_journal_is_believed_as_far_as_it_is_whole(tmp_path, damage):
    output = tmp_path / "o"
    with pytest.raises(KeyboardInterrupt):
        work(output, "a", 5, stop_after=3)
    (folder,) = tmp_path.iterdir()
    if damage == "half a line":
        with (folder / "journal").open("ab") as file:
            file.write(b'{"step": 3')
        expected = [3, 4]
    elif damage == "no partial":
        (folder / "0-o").unlink()
        expected = [0, 1, 2, 3, 4]
    else:
        (folder / "journal").write_bytes(b"\0\0\0\n")
        expected = [0, 1, 2, 3, 4]
    assert work(output, "a", 5) == expected
    assert output.read_bytes() == bytes([1, 2, 3, 4, 5])


def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    target = tmp_path / "elsewhere" / "real"
    target.write_bytes(b"old")
    (tmp_path / "o").symlink_to(target)
    with pytest.raises(KeyboardInterrupt):
        work(tmp_path / "o", "a", 3, stop_after=1)
    assert work(tmp_path / "o", "a", 3) == [1, 2]
    assert (tmp_path / "o").is_symlink()
    assert target.read_bytes() == bytes([1, 2, 3])


def test_a_folder_that_there_isnt_is_named(tmp_path):
    with pytest.raises(InputError, match="there is no folder"):
        work(tmp_path / "none" / "o", "a", 3)
