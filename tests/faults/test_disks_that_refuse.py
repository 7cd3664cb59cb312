"""Full disks and folders that are only read: one sentence, nothing half-written, and all is well with room."""

from __future__ import annotations

from pathlib import Path

import pytest
from disks import PAGE, as_root, disk, remount, taken
from programs import OUT, WRITERS, Ended, ended, is_one_sentence, leftovers, note, prepare, result_of, same

pytestmark = [pytest.mark.faults, as_root]

SHARES = (0.15, 0.75)  # of the room that a program needs


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


def judged(fault: str, program: str, how: str, end: Ended, left: list[str], torn: bool, equal: bool) -> str | None:
    """Note what was seen; what was wrong with it, if anything."""
    row = {"fault": fault, "program": program, "how": how, "exit": end.code, "traceback": end.traceback, "leftovers": len(left)}
    note(**row, torn=torn, equal=equal)
    good = end.code == 2 and is_one_sentence(end.message) and equal and not (end.traceback or left or torn)
    return None if good else f"{row}, torn {torn}, equal {equal}, left {left}: {end.message[-1500:]}"


@pytest.mark.parametrize("program", WRITERS)
def test_a_full_disk_is_one_sentence_and_with_room_it_works(program, prepared, tmp_path):
    command = again = WRITERS[program]
    straight, here = link_inputs(prepared, tmp_path / "straight"), link_inputs(prepared, tmp_path / "here")
    (straight / OUT).mkdir()
    assert ended(command, straight).code == 0
    room = taken(straight / OUT)
    sizes, seen = [max(PAGE, int(share * room) // PAGE * PAGE) for share in SHARES], []  # a size of 0 would be no limit
    with disk(here / OUT, sizes[0]):
        for share, size in zip(SHARES, sizes, strict=True):
            remount(here / OUT, f"size={size}")
            full = ended(again, here)
            torn = product(here).is_file() and program != "mwgan-evaluate"  # whose rows are kept
            seen.append((f"{share:.0%}", full, leftovers(here), torn))
            again = ("mwgan-train", f"resume={OUT}/x") if "resume=" in full.message else again
        remount(here / OUT, "size=64m")
        later = ended(again, here)
        equal = later.code == 0 and same(result_of(product(here)), result_of(product(straight)))
        wrong = [judged("full disk", program, *one, equal) for one in seen]
    assert [one for one in wrong if one] == [], later.message


@pytest.mark.parametrize("program", WRITERS)
def test_a_folder_that_is_only_read_is_one_sentence(program, prepared, tmp_path):
    here = link_inputs(prepared, tmp_path / "here")
    with disk(here / OUT, 1 << 20):
        remount(here / OUT, "ro")
        refused = ended(WRITERS[program], here)
        torn = any((here / OUT).iterdir())
    assert judged("read-only folder", program, "", refused, leftovers(here), torn, True) is None


def product(folder: Path) -> Path:
    """What a program writes, or the first of it: of one file, a full disk leaves nothing."""
    kinds = (".mrc", ".parquet", ".png", ".safetensors", ".ckpt")
    found = [path for path in sorted((folder / OUT).glob("x.*")) if path.suffix in kinds]
    return found[0] if found else folder / OUT / "x"
