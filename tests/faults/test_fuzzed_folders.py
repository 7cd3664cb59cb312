"""Run folders and sweeps whose records nobody wrote on purpose: continued, evaluated, reported."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from fuzzing import DAMAGES, MARK, TARGETS, TEXTS, VALUES, changed, check_answer, damaged, fuzzed
from hypothesis import strategies as st
from omegaconf import DictConfig
from programs import GAME

from mwgan.configuration import compose_training
from mwgan.errors import InputError
from mwgan.files.checkpoints import LAST, write_checkpoint
from mwgan.runs.folder import BEGUN, FINISHED, RECORD, record_end
from mwgan.runs.hydra_records import OVERRIDES, SETTINGS, SWEEP
from mwgan.runs.preparation import prepare

OPTIONS = [option for option in GAME[1:] if option != "threads=1"]
NOTE = {"overrides": OPTIONS, "model": "irdm", "config_dir": None}
TOLD = {
    "train_data": "D1",
    "commit": "abc1234",
    "seed": 0,
    "device": "CPU",
    "data": [{"name": "faces", "images": 3, "licence": "none"}],
    "config": {"trainer": {"max_epochs": 3}},
    "init": {"command": "a", "commit": "b", "init": None},
}
SETTINGS_OF_HYDRA = {"hydra": {"runtime": {"config_sources": [{"provider": "main", "path": "conf"}]}}}
SWEPT = {
    "seed": 0,
    "hydra": {
        "overrides": {"task": [*OPTIONS, "seed=0,1"], "hydra": ["hydra.mode=MULTIRUN"]},
        "runtime": {"choices": {"model": "irdm"}, "config_sources": [{"provider": "main", "path": "conf"}]},
        "sweeper": {"_target_": "hydra._internal.BasicSweeper", "params": None},
    },
}
LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
RAW = st.sampled_from(
    [
        *(LAUGHS, f"- {'[' * 50_000}", f"!!python/object/apply:os.system ['touch {MARK}']", "- a: b", "x", "", "\0", "- 1"),
        *("&a [*a]", "- =\n- x="),
    ]
)
ODD_OPTIONS = (
    TEXTS
    | TARGETS.map(lambda target: f"+callbacks.mine={{_target_: {target}, _args_: ['touch {MARK}']}}")
    | TARGETS.map(lambda target: f"model.generator._target_={target}")
    | TARGETS.map(lambda target: f"hydra.sweeper._target_={target}")
    | TARGETS.map(lambda target: f"hydra.callbacks.mine._target_={target}")
    | st.builds("{}={}".format, st.sampled_from([*(option.partition("=")[0] for option in OPTIONS), "seed", "model", "data"]), TEXTS)
    | st.sampled_from(
        [
            *("allow=[os,subprocess]", "recorded=false", "--config-dir=/", "-cd", "+hydra.job.env_set={A: b}", "hydra/job_logging=none"),
            *("resume=/", "~model", "seed=0,1", "seed=range(1e9)", "init='${oc.env:HOME}'", "experiment=ding2019/joint", "--multirun"),
        ]
    )
)


@st.composite
def options(draw: Any, given: list[str] = OPTIONS) -> list[Any]:
    """The options of a run, with another one, or something that is none."""
    copy: list[Any] = list(given)
    if draw(st.integers(0, 3)):
        copy.insert(draw(st.integers(0, len(copy))), draw(ODD_OPTIONS if draw(st.integers(0, 4)) else VALUES))
    return copy


def plain_text(value: Any) -> str:
    return json.dumps(value)  # which is YAML too


def prepared_alone(cfg: DictConfig) -> dict[str, float]:
    """A training up to its first step."""
    prepare(cfg)
    return {"val/psnr": 1.0}


def evaluated_alone(*given: Any) -> None:
    """An evaluation up to its first image."""
    raise InputError("nothing is evaluated here: that would take long")


@pytest.fixture(autouse=True, scope="module")
def _nothing_is_trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What is read of a folder, is read before; a training of each would take days."""
    patch = pytest.MonkeyPatch()
    patch.setattr("mwgan.cli.train.train", prepared_alone)
    patch.setattr("mwgan.evaluation.configured.evaluate_configured", evaluated_alone)
    folder = tmp_path_factory.mktemp("checkpoint")
    module = prepare(compose_training([*OPTIONS, f"paths.root='{folder}'"])).module
    state = {"state_dict": module.state_dict(), "mwgan": module.record.to_plain(), "epoch": 0}
    write_checkpoint(folder / "last.ckpt", lambda stream: torch.save(state, stream))
    _checkpoint[:] = [folder / "last.ckpt"]
    yield
    patch.undo()


_checkpoint: list[Path] = []


def run_folder(folder: Path, given: Any = NOTE, recorded: Any = OPTIONS, settings: Any = SETTINGS_OF_HYDRA) -> None:
    """A run that was begun and has a checkpoint."""
    (folder / OVERRIDES).parent.mkdir(parents=True)
    (folder / OVERRIDES).write_text(recorded if isinstance(recorded, str) else plain_text(recorded))
    (folder / SETTINGS).write_text(settings if isinstance(settings, str) else plain_text(settings))
    if given is not None:
        (folder / BEGUN).write_text(plain_text(given))
    (folder / LAST).parent.mkdir()
    (folder / LAST).symlink_to(_checkpoint[0])


RUNS = st.fixed_dictionaries(
    {
        "given": st.none() | st.just(NOTE) | changed(NOTE) | st.builds(lambda listed: {**NOTE, "overrides": listed}, options()),
        "recorded": options() | changed(OPTIONS) | RAW,
        "settings": st.just(SETTINGS_OF_HYDRA) | changed(SETTINGS_OF_HYDRA) | RAW,
        "finished": st.none() | st.none() | changed({"overrides": OPTIONS, "metrics": {"val/psnr": 1.0}}),
        "damages": st.just([]) | DAMAGES,
    }
)


@fuzzed(RUNS, many=120, few=2)
def test_runs_that_are_gone_on_with(folder: Path, case: Any) -> None:
    run = folder / "run"
    run_folder(run, case["given"], case["recorded"], case["settings"])
    if case["finished"] is not None:
        (run / FINISHED).write_text(plain_text(case["finished"]))
    for file in (run / BEGUN, run / OVERRIDES):
        if file.is_file():
            file.write_bytes(damaged(file.read_bytes(), case["damages"], 1.0))
    check_answer("run folder", ("mwgan-train", "resume=run"), folder)


LOGS = (
    *("", "epoch\n", "epoch,val/psnr\n0,1\n", "epoch,val/psnr,train/images\n0,1,\n0,,8\n1,inf,9\n", "a,b\n1\n1,2,3\n", "\0"),
    *("epoch,val/psnr\nx,y\n", "epoch,epoch\n1,2\n", "epoch,val/psnr\ninf,1\n", "epoch,val/psnr\n1e300,1\n"),
)
SWEEPS = st.fixed_dictionaries(
    {
        "sweep": st.just(SWEPT) | changed(SWEPT) | RAW,
        "jobs": st.lists(changed({**NOTE, "overrides": [*OPTIONS, "seed=0"]}) | st.just(NOTE), max_size=2),
        "told": changed(TOLD) | st.just(TOLD),
        "log": st.sampled_from(LOGS) | st.text(max_size=20),
        "finished": st.booleans(),
        "command": st.sampled_from(
            [
                ("mwgan-figures", "report=sweep"),
                ("mwgan-figures", "run=sweep/0"),
                ("mwgan-evaluate", "sweep=sweep"),
                ("mwgan-train", "resume=sweep"),
            ]
        ),
    }
)


@fuzzed(SWEEPS, many=80, few=2)
def test_sweeps(folder: Path, case: Any) -> None:
    sweep = folder / "sweep"
    sweep.mkdir()
    (sweep / SWEEP).write_text(case["sweep"] if isinstance(case["sweep"], str) else plain_text(case["sweep"]))
    for number, note in enumerate(case["jobs"]):
        job = sweep / str(number)
        run_folder(job, note)
        (job / RECORD).write_text(plain_text(case["told"]))
        (job / "csv").mkdir()
        (job / "csv/metrics.csv").write_text(case["log"])
        if case["finished"]:
            record_end(job, OPTIONS, {})
    check_answer("sweep", case["command"], folder)
