"""Weights, checkpoints, shards and pieces that nobody wrote on purpose, their checksums right wherever a stranger could make them so."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from fuzzing import DAMAGES, ENDS, NODES, TEXTS, VALUES, answered, changed, check_answer, damaged, fuzzed
from hypothesis import strategies as st

from mwgan.files.checkpoints import write_checkpoint
from mwgan.files.pieces import PIECES, split
from mwgan.files.shards import INDEX, save_shards
from mwgan.files.weights import RECORD_KEY, save_weights
from mwgan.networks import UNet

RECORD: dict[str, Any] = {
    "generator": {"_target_": "mwgan.networks.UNet", "width": 2, "depth": 1, "residual": True},
    "task": {"_target_": "mwgan.recon.RestoreWBP", "filter": "ramp"},
    "geometry": {"detector_size": 16, "step_deg": 30.0},
    "wedge_deg": [40.0, 60.0],
    "noise_percent": 2.0,
    "train_data": "D1",
    "stand_ins": ["brain"],
    "data": [{"name": "faces", "images": 3}],
    "seed": 0,
    "commit": "0123456789ab",
    "command": "mwgan-train",
    "device": "CPU",
    "versions": {"torch": "2"},
    "config": {"data": {"size": 16}},
    "init": {"command": "mwgan-train", "commit": None, "init": None},
    "stages": {"one": {"command": "mwgan-train"}},
    "band_scale": 1.5,
}
RECONSTRUCT = ("mwgan", "reconstruct", "s.mrc", "-o", "out.mrc", "--method")
USES = st.sampled_from(
    [
        (*RECONSTRUCT, "FILE"),
        (*RECONSTRUCT, "FILE", "--trust"),
        ("mwgan", "weights", "export", "FILE", "-o", "out.safetensors"),
        ("mwgan", "weights", "export", "FILE", "-o", "out", "--max-shard-mib", "1"),
        ("mwgan", "weights", "split", "FILE", "-o", "out"),
    ]
)
DTYPES = (torch.float16, torch.float64, torch.int64, torch.bool, torch.uint8, torch.complex64, torch.bfloat16)


@cache
def tensors() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return UNet(width=2, depth=1, residual=True).state_dict()


@st.composite
def states(draw: Any) -> dict[str, Any]:
    """The tensors of a network, of which one may be another, missing, or one too many."""
    state = dict(tensors())
    name, how = draw(st.sampled_from(sorted(state))), draw(st.integers(0, 9))
    if how == 0:
        state.pop(name)
    elif how == 1:
        state[name] = torch.zeros(draw(st.lists(st.integers(0, 3), max_size=4)))
    elif how == 2:
        state[name] = torch.zeros(state[name].shape, dtype=draw(st.sampled_from(DTYPES)))
    elif how == 3:
        state[name] = torch.full(state[name].shape, draw(st.sampled_from([float("nan"), float("inf"), 1e30])))
    elif how == 4:
        state[draw(st.text(st.characters(exclude_categories=["Cs"]), max_size=5))] = torch.zeros(2)
    return state


def series(folder: Path) -> None:
    (folder / "s.mrc").symlink_to(_series[0])
    (folder / "s.tlt").symlink_to(_series[0].with_suffix(".tlt"))


_series: list[Path] = []


@pytest.fixture(autouse=True, scope="module")
def _prepared(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A series to use the weights on; and what is compiled on first use takes longer than any answer may."""
    folder = tmp_path_factory.mktemp("prepared")
    simulate = ("mwgan", "simulate", "s.mrc", "--size", "16", "--slices", "2", "--step", "30")
    assert answered(simulate, folder, limit_s=300).code == 0
    _series[:] = [folder / "s.mrc"]
    save_weights(folder / "w.safetensors", tensors(), RECORD)
    for command in ((*RECONSTRUCT, "w.safetensors"), (*RECONSTRUCT, "w.safetensors", "--trust")):
        assert answered(command, folder, limit_s=300).code == 0


def filled_in(command: tuple[str, ...], file: str) -> tuple[str, ...]:
    return tuple(file if word == "FILE" else word for word in command)


@fuzzed(st.tuples(changed(RECORD), states(), DAMAGES | st.just([]), ENDS, USES))
def test_weights_files(folder: Path, case: Any) -> None:
    record, state, damages, end, use = case
    series(folder)
    file = folder / "w.safetensors"
    save_weights(file, state, record)
    file.write_bytes(damaged(file.read_bytes(), damages, end))
    check_answer("weights", filled_in(use, file.name), folder)


CHECKPOINT = {"state_dict": {"generator.x": 0}, "pytorch-lightning_version": "2.0.0", "epoch": 1, RECORD_KEY: RECORD}
STATE_VALUES = st.none() | VALUES


@fuzzed(
    st.tuples(
        changed(CHECKPOINT),
        states(),
        st.sampled_from(["as it is", "as it is", "replaced", "a value"]),
        st.tuples(TEXTS, STATE_VALUES),
        DAMAGES | st.just([]),
        USES,
    )
)
def test_checkpoints(folder: Path, case: Any) -> None:
    checkpoint, state, how, (name, value), damages, use = case
    series(folder)
    own = {f"generator.{key}": tensor for key, tensor in state.items()}
    if isinstance(checkpoint, dict) and isinstance(checkpoint.get("state_dict"), dict) and how != "replaced":
        checkpoint["state_dict"] = own | ({f"generator.{name}": value} if how == "a value" else {})
    file = folder / "run/checkpoints/last.ckpt"
    write_checkpoint(file, lambda stream: torch.save(checkpoint, stream))
    file.write_bytes(damaged(file.read_bytes(), damages, 1.0))
    check_answer("checkpoint", filled_in(use, "run"), folder)


JOIN = ("mwgan", "weights", "join", "FILE", "-o", "out.safetensors")


@fuzzed(st.tuples(st.just(None) | changed(RECORD), st.data(), DAMAGES | st.just([]), USES | st.just(JOIN)))
def test_weights_in_shards(folder: Path, case: Any) -> None:
    record, data, damages, use = case
    series(folder)
    save_shards(folder / "w", dict(tensors()), RECORD if record is None else record, 1 << 11)
    index = folder / "w" / INDEX
    if record is None:
        index.write_text(json.dumps(data.draw(changed(json.loads(index.read_text())))))
    index.write_bytes(damaged(index.read_bytes(), damages, 1.0))
    check_answer("shards", filled_in(use, "w"), folder)


@fuzzed(st.tuples(st.data(), DAMAGES | st.just([]), st.integers(0, 3)))
def test_files_in_pieces(folder: Path, case: Any) -> None:
    data, damages, nesting = case
    (folder / "w.bin").write_bytes(bytes(range(200)))
    split(folder / "w.bin", folder / "w", 64)
    index = folder / "w" / PIECES
    text = json.dumps(data.draw(changed(json.loads(index.read_text()))))
    text = text if nesting else f'{{"deep": {"[" * 100_000}{"]" * 100_000}}}'
    index.write_bytes(damaged(text.encode(), damages, 1.0))
    check_answer("pieces", ("mwgan", "weights", "join", "w", "-o", "out.bin"), folder)


@fuzzed(st.tuples(st.sampled_from(["generator", "task"]), NODES, USES))
def test_what_weights_are_to_be_rebuilt_of(folder: Path, case: Any) -> None:
    part, node, use = case
    series(folder)
    save_weights(folder / "w.safetensors", tensors(), {**RECORD, part: {**RECORD[part], **node}})
    check_answer("targets of weights", filled_in(use, "w.safetensors"), folder)
