"""Weights and checkpoints leave a machine in small files: nothing is lost, and what is wrong with a piece is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from typer.testing import CliRunner

from mwgan.cli.main import app, main
from mwgan.cli.train import train
from mwgan.errors import InputError
from mwgan.files import pieces
from mwgan.files.pieces import MIB, PIECES
from mwgan.files.shards import HEADER, INDEX, save_shards, write_tensors
from mwgan.files.weights import read_weights
from mwgan.paths import shipped_weights
from mwgan.recon import load_reconstructor

SMALL = ("debug=smoke", "model=irdm_pixel", "callbacks.image_panels=null", "logger=csv")


def mwgan(*arguments: object) -> None:
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if done.exception is not None:
        raise done.exception


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def whole(tmp_path) -> Path:
    """Exported weights in one file."""
    mwgan("weights", "export", "lpd", "-o", tmp_path / "whole.safetensors")
    return tmp_path / "whole.safetensors"


@pytest.fixture
def shards(tmp_path) -> Path:
    mwgan("weights", "export", "lpd", "-o", tmp_path / "shards", "--max-shard-mib", "1")
    return tmp_path / "shards"


@pytest.fixture
def cut(whole, tmp_path) -> Path:
    """The same file cut anywhere."""
    mwgan("weights", "split", whole, "-o", tmp_path / "cut", "--max-piece-mib", "1")
    return tmp_path / "cut"


def test_shards_are_small_and_laid_out_as_others_read_them(whole, shards):
    index = json.loads((shards / INDEX).read_text())
    files = sorted(set(index["weight_map"].values()))
    assert files == [f"model-{number:05d}-of-{len(files):05d}.safetensors" for number in range(1, len(files) + 1)]
    assert set(contents(shards)) == {INDEX, *files}
    assert len(files) > 5
    assert all((shards / name).stat().st_size <= MIB for name in files)
    with safe_open(whole, framework="pt") as file:
        total = 0
        assert set(index["weight_map"]) == set(file.keys())
        for key, name in index["weight_map"].items():
            with safe_open(shards / name, framework="pt") as shard:
                assert torch.equal(shard.get_tensor(key), file.get_tensor(key))
                assert shard.metadata() == {"format": "pt"}
            total += file.get_tensor(key).nbytes
    assert index["metadata"]["total_size"] == total


def test_a_folder_of_shards_is_read_like_the_file(whole, shards):
    (record, state), (theirs, same) = read_weights(whole), read_weights(shards / INDEX)
    assert record == theirs
    assert state.keys() == same.keys()
    assert all(torch.equal(value, same[key]) for key, value in state.items())
    assert load_reconstructor(shards).record == record


@pytest.mark.parametrize("form", ["shards", "cut"])
def test_joined_pieces_are_the_file_again(form, whole, request, tmp_path):
    folder = request.getfixturevalue(form)
    mwgan("weights", "join", folder, "-o", tmp_path / "joined.safetensors")
    assert (tmp_path / "joined.safetensors").read_bytes() == whole.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["joined.safetensors", folder.name, "whole.safetensors"])


def test_pieces_are_as_large_as_said_and_the_last_is_the_rest(cut, whole):
    sizes = [(cut / name).stat().st_size for name in json.loads((cut / PIECES).read_text())["pieces"]]
    assert set(sizes[:-1]) == {MIB}
    assert sum(sizes) == whole.stat().st_size
    assert 0 < sizes[-1] <= MIB


def test_a_training_goes_on_elsewhere_from_pieces(run_config, tmp_path):
    train(run_config(*SMALL, "trainer.max_epochs=1", folder="here"))
    last = tmp_path / "here" / "checkpoints" / "last.ckpt"
    mwgan("weights", "split", tmp_path / "here", "-o", tmp_path / "pieces", "--max-piece-mib", "1")
    mwgan("weights", "join", tmp_path / "pieces", "-o", tmp_path / "joined.ckpt")
    assert (tmp_path / "joined.ckpt").read_bytes() == last.read_bytes()
    mwgan("weights", "export", tmp_path / "here", "-o", tmp_path / "shards", "--max-shard-mib", "1")
    train(run_config(*SMALL, f"init='{tmp_path / 'shards'}'", "model.generator_optimizer.lr=0", "trainer.max_epochs=1", folder="there"))
    exported, begun_with = read_weights(tmp_path / "shards" / INDEX)
    record, trained = read_weights(tmp_path / "there" / "checkpoints" / "last.ckpt")
    assert record["init"]["commit"] == exported["commit"]
    learned = [key for key in begun_with if key.endswith(".0.weight")]  # unlike statistics of batches, not moved by a rate of 0
    assert learned
    assert all(torch.equal(trained[key], begun_with[key]) for key in learned)
    with pytest.raises(InputError, match="holds weights only"):
        train(run_config(*SMALL, f"resume='{tmp_path / 'shards'}'", folder="nowhere"))


@pytest.mark.parametrize("form", ["shards", "cut"])
@pytest.mark.parametrize("harm", ["missing", "damaged", "foreign"])
def test_a_piece_that_is_not_the_one_is_named_and_nothing_is_written(form, harm, request, tmp_path, monkeypatch, capsys):
    folder = request.getfixturevalue(form)
    first, second = sorted(path for path in folder.iterdir() if path.name not in (INDEX, PIECES))[:2]
    if harm == "missing":
        second.unlink()
    elif harm == "damaged":
        second.write_bytes(second.read_bytes()[:-1] + b"?")
    else:
        second.write_bytes(first.read_bytes())
    out = tmp_path / "out.safetensors"
    out.write_bytes(b"as it was")
    monkeypatch.setattr("sys.argv", ["mwgan", "weights", "join", str(folder), "-o", str(out)])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert second.name in message
    assert first.name not in message
    assert ("lacks 1 of" if harm == "missing" else "damaged or of another file") in message
    assert out.read_bytes() == b"as it was"
    assert not list(tmp_path.glob(".*"))
    if form == "shards":
        with pytest.raises(InputError, match=second.name):
            load_reconstructor(folder)


def test_pieces_in_another_order_are_not_their_file(cut, tmp_path):
    index = json.loads((cut / PIECES).read_text())
    index["pieces"] = dict(reversed(index["pieces"].items()))
    (cut / PIECES).write_text(json.dumps(index))
    with pytest.raises(InputError, match="don't make up their file"):
        mwgan("weights", "join", cut, "-o", tmp_path / "joined")
    assert not (tmp_path / "joined").exists()


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"pieces": {}, "sha256": ""}', '{"pieces": {"../secret": ""}, "sha256": ""}'])
def test_an_index_that_is_not_ours_is_refused(text, tmp_path):
    (tmp_path / PIECES).write_text(text)
    with pytest.raises(InputError, match="copy it again"):
        pieces.join(tmp_path, tmp_path / "out")


@pytest.mark.parametrize("change", [{"weight_map": {}}, {"metadata": {}}, {"metadata": {"mwgan": {}, "sha256": {"x": ""}}}])
def test_an_index_of_other_shards_is_refused(change, shards):
    index = json.loads((shards / INDEX).read_text())
    (shards / INDEX).write_text(json.dumps(index | change))
    with pytest.raises(InputError, match="not an index of mwgan"):
        load_reconstructor(shards)
    index["weight_map"].pop(next(iter(index["weight_map"])))
    (shards / INDEX).write_text(json.dumps(index))
    with pytest.raises(InputError, match="match the tensors"):
        load_reconstructor(shards)


def test_a_shard_never_outgrows_its_size(tmp_path):
    limit = 4096
    state = {f"{'a very long name of a layer ' * 3}{number}": torch.zeros(1 + number % 7, 1, 1) for number in range(300)}
    state |= {"at_most": torch.zeros((limit - 2 * HEADER - 2 * 24 - 9) // 4, 1)}
    save_shards(tmp_path / "shards", state, {}, limit)
    assert max(path.stat().st_size for path in (tmp_path / "shards").glob("*.safetensors")) <= limit
    with pytest.raises(InputError, match=r"large alone takes 0\.0 MiB, more than a shard .* weights split"):
        save_shards(tmp_path / "refused", {"large": torch.zeros(limit // 4)}, {}, limit)
    assert [path.name for path in tmp_path.iterdir()] == ["shards"]


def test_what_is_there_is_not_written_over(shards, whole, tmp_path):
    before = contents(shards)
    for command in (("export", "lpd", "--max-shard-mib", "1"), ("split", whole)):
        with pytest.raises(InputError, match="already exists"):
            mwgan("weights", *command, "-o", shards)
    assert contents(shards) == before
    with pytest.raises(InputError, match="is split already"):
        mwgan("weights", "split", shards, "-o", tmp_path / "again")
    with pytest.raises(InputError, match="contains neither"):
        mwgan("weights", "join", tmp_path, "-o", tmp_path / "out")
    with pytest.raises(InputError, match=r"the folder of .* does not exist"):
        mwgan("weights", "split", whole, "-o", tmp_path / "no" / "where")


def test_a_split_that_is_stopped_leaves_nothing(whole, tmp_path, monkeypatch):
    def stopped(file):
        raise KeyboardInterrupt

    monkeypatch.setattr(pieces, "sha256", stopped)
    with pytest.raises(KeyboardInterrupt):
        pieces.split(whole, tmp_path / "cut", MIB)
    assert [path.name for path in tmp_path.iterdir()] == ["whole.safetensors"]


def test_shipped_weights_are_of_one_piece():
    assert all(file.stat().st_size <= 16 * MIB for file in shipped_weights().values())


def test_the_same_weights_are_the_same_bytes_each_time(tmp_path):
    metadata = {name: "" for name in "weights"}
    for count in range(8):
        write_tensors(tmp_path / str(count), {"weight": torch.ones(3)}, metadata)
    assert len({file.read_bytes() for file in tmp_path.iterdir()}) == 1
    with safe_open(tmp_path / "0", framework="pt") as file:
        assert file.metadata() == metadata
        assert torch.equal(file.get_tensor("weight"), torch.ones(3))
