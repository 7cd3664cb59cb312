"""Full disks and folders that are only read: one sentence, nothing half-written, and all is well with room."""

from __future__ import annotations

from pathlib import Path

import pytest
from disks import as_root, disk, remount, taken
from programs import OUT, WRITERS, Ended, ended, is_one_sentence, leftovers, note, prepare

pytestmark = [pytest.mark.faults, as_root]

SHARES = (0.15, 0.75)  # of the room that a program needs
ROOM = "size=64m"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("prepared")
    prepare(folder)
    return folder


def link_inputs(prepared: Path, folder: Path) -> Path:
    folder.mkdir()
    for path in prepared.iterdir():
        (folder / path.name).symlink_to(path)
    return folder


def judged(fault: str, program: str, how: str, end: Ended, folder: Path, torn: bool, later: Ended) -> str | None:
    """A row of what was seen; what was wrong with it, if anything."""
    left = leftovers(folder)
    row = {"fault": fault, "program": program, "how": how, "exit": end.code, "traceback": end.traceback, "leftovers": len(left)}
    note(**row, torn=torn, equal=later.code == 0)
    good = end.code == 2 and is_one_sentence(end.told) and not (end.traceback or left or torn) and later.code == 0
    return None if good else f"{row} torn {torn} left {left}: {end.told[-1500:]} later {later.code}: {later.told[-1500:]}"


@pytest.mark.parametrize("program", WRITERS)
def test_a_full_disk_is_one_sentence_and_with_room_it_works(program, prepared, tmp_path):
    command, wrong = WRITERS[program], []
    straight = link_inputs(prepared, tmp_path / "straight")
    (straight / OUT).mkdir()
    assert ended(command, straight).code == 0
    needed = taken(straight / OUT)
    for share in SHARES:
        here = link_inputs(prepared, tmp_path / str(share))
        with disk(here / OUT, int(share * needed)):
            full = ended(command, here)
            torn = product(here).is_file()
            remount(here / OUT, ROOM)
            again = ("mwgan-train", f"resume={OUT}/x") if "resume=" in full.told else command
            later = ended(again, here)
            wrong.append(judged("full disk", program, f"{share:.0%}", full, here, torn, later))
    assert [one for one in wrong if one] == []


@pytest.mark.parametrize("program", WRITERS)
def test_a_folder_that_is_only_read_is_one_sentence(program, prepared, tmp_path):
    here = link_inputs(prepared, tmp_path / "here")
    with disk(here / OUT, 1 << 26):
        remount(here / OUT, "ro")
        refused = ended(WRITERS[program], here)
        torn = any((here / OUT).iterdir())
        remount(here / OUT, "rw")
        later = ended(WRITERS[program], here)
        assert judged("read-only folder", program, "", refused, here, torn, later) is None


def product(folder: Path) -> Path:
    """The one file of a program that writes but one, which a full disk must not have let be there."""
    return next(
        (path for path in (folder / OUT).glob("x.*") if path.suffix in (".mrc", ".png", ".safetensors", ".ckpt")), folder / OUT / "x"
    )
