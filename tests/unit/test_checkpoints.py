from __future__ import annotations

import errno
import os
import subprocess
from pathlib import Path

import pytest
import torch

from mwgan.errors import InputError
from mwgan.files.checkpoints import LAST, PREVIOUS, checkpoint_of, has_checkpoint, is_intact, write_checkpoint
from mwgan.files.space import disk_full


def write(file: Path, epoch: int, size: int = 1000) -> None:
    write_checkpoint(file, lambda stream: torch.save({"epoch": epoch, "weights": torch.arange(size)}, stream))


def epoch(file: Path) -> int:
    return torch.load(file, weights_only=True)["epoch"]


def flip(file: Path, offset: int) -> None:
    content = bytearray(file.read_bytes())
    content[offset] ^= 0x10
    file.write_bytes(content)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_checkpoint_is_read_by_torch_and_by_whoever_reads_zip_archives(tmp_path):
    import zipfile

    write(tmp_path / "best.ckpt", 3)
    assert is_intact(tmp_path / "best.ckpt")
    assert epoch(tmp_path / "best.ckpt") == 3
    with zipfile.ZipFile(tmp_path / "best.ckpt") as archive:
        assert archive.testzip() is None
        assert archive.comment.startswith(b"sha256:")
    assert names(tmp_path) == ["best.ckpt"]


def test_any_byte_that_is_not_what_was_written_is_noticed(tmp_path):
    file = tmp_path / "one.ckpt"
    write(file, 1)
    content = file.read_bytes()
    for offset in (*range(0, len(content), 97), *range(len(content) - 72, len(content))):
        flip(file, offset)
        assert not is_intact(file), offset
        file.write_bytes(content)
    for kept in (0, 1, 70, 71, 72, len(content) // 2, len(content) - 72, len(content) - 70, len(content) - 1):
        file.write_bytes(content[:kept])
        assert not is_intact(file), kept


def test_a_checkpoint_of_an_earlier_version_is_judged_by_its_archive(tmp_path):
    file = tmp_path / "old.ckpt"
    torch.save({"weights": torch.arange(1000)}, file)
    assert is_intact(file)
    flip(file, file.stat().st_size // 2)
    assert not is_intact(file)
    assert not is_intact(tmp_path / "none.ckpt")


def test_the_checkpoint_before_is_kept_and_stands_in_for_a_damaged_one(tmp_path, recwarn):
    assert not has_checkpoint(tmp_path)
    with pytest.raises(FileNotFoundError):
        checkpoint_of(tmp_path)
    write(tmp_path / LAST, 1)
    write(tmp_path / LAST, 2)
    assert checkpoint_of(tmp_path) == tmp_path / LAST
    assert (epoch(tmp_path / LAST), epoch(tmp_path / PREVIOUS)) == (2, 1)
    assert len(recwarn) == 0
    flip(tmp_path / LAST, 500)
    with pytest.warns(UserWarning, match=r"last\.ckpt is damaged: previous\.ckpt, the checkpoint before it, is used"):
        assert checkpoint_of(tmp_path) == tmp_path / PREVIOUS
    write(tmp_path / LAST, 3)  # the damaged one doesn't take the place of the whole one
    assert (epoch(tmp_path / LAST), epoch(tmp_path / PREVIOUS)) == (3, 1)
    (tmp_path / LAST).unlink()  # killed between the two names
    assert has_checkpoint(tmp_path)
    with pytest.warns(UserWarning, match="is missing"):
        assert checkpoint_of(tmp_path) == tmp_path / PREVIOUS
    flip(tmp_path / PREVIOUS, 500)
    with pytest.raises(InputError, match="no intact one before it"):
        checkpoint_of(tmp_path)


def test_killed_at_any_moment_a_whole_checkpoint_is_left(tmp_path, monkeypatch):
    """Every step that changes a name or the disk is where the process may end; what is there then must be enough."""
    file = tmp_path / LAST
    steps = 0

    class Killed(BaseException):
        pass

    def last_step_of(call, at):
        def stepped(*arguments, **options):
            nonlocal steps
            steps += 1
            if steps == at:
                raise Killed
            return call(*arguments, **options)

        return stepped

    def kill(at: int) -> bool:
        nonlocal steps
        write(file, 1)
        write(file, 2)
        steps = 0
        with monkeypatch.context() as patched:
            patched.setattr(Path, "replace", last_step_of(Path.replace, at))
            patched.setattr(Path, "unlink", lambda self, missing_ok=False: None)  # a killed process tidies nothing up
            patched.setattr(os, "fsync", last_step_of(os.fsync, at))
            try:
                write(file, 3)
            except Killed:
                return True
        return False

    found, at = [], 1
    while kill(at):
        with pytest.warns(UserWarning, match="is missing") if not file.is_file() else monkeypatch.context():
            found.append(epoch(checkpoint_of(tmp_path)))
        at += 1
    assert found == [2, 2, 2, 3]  # before the content is safe, before each of the two names, and before the names are safe
    write(file, 4)
    assert names(file.parent) == ["last.ckpt", "previous.ckpt"]  # nothing of the killed ones is left


@pytest.fixture
def tiny_disk(tmp_path):
    """A file system of one megabyte."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a small disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_is_full_leaves_what_it_holds(tiny_disk):
    write(tiny_disk / LAST, 1, size=70_000)  # 0.55 MB
    before = (tiny_disk / LAST).read_bytes()
    with pytest.raises((OSError, RuntimeError)) as full:
        write(tiny_disk / LAST, 2, size=70_000)
    assert disk_full(full.value)
    assert not disk_full(RuntimeError("something else"))
    assert not disk_full(OSError(errno.EACCES, "not yours"))
    assert names(tiny_disk / "checkpoints") == ["last.ckpt"]
    assert (tiny_disk / LAST).read_bytes() == before
