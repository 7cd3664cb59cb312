"""One run in its folder: begun, resumed, finished already, refused."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from mwgan.errors import InputError
from mwgan.runs import one_run, processes
from mwgan.runs.config_dir import config_dir_of_run
from mwgan.runs.folder import BEGUN, LAST, begin, finish, is_claimed, is_finished, metrics_of, options_of
from mwgan.runs.one_run import answer, check_missing, run, takes_several_devices


@pytest.fixture
def hydra(monkeypatch) -> DictConfig:
    """What Hydra says of this process."""
    sources = [{"provider": "command-line", "path": "/home/me/conf"}]
    told = OmegaConf.create(
        {
            "mode": RunMode.RUN,
            "overrides": {"task": ["seed=1"]},
            "launcher": {"_target_": "hydra._internal.core_plugins.basic_launcher.BasicLauncher"},
            "runtime": {"choices": {"model": "irdm"}, "config_sources": sources},
        }
    )
    monkeypatch.setattr(HydraConfig, "get", staticmethod(lambda: told))
    return told


@pytest.fixture
def cfg(tmp_path) -> DictConfig:
    trainer = {"devices": 1, "num_nodes": 1}
    return OmegaConf.create(
        {"paths": {"output_dir": str(tmp_path / "run")}, "trainer": trainer, "stages": None, "resume": None, "objective": None}
    )


def test_a_run_leaves_its_options_its_folder_of_configuration_and_its_metrics(hydra, cfg, capsys):
    folder = Path(cfg.paths.output_dir)
    during = []

    def train(given: DictConfig) -> dict[str, float]:
        during.append((given is cfg, options_of(folder), is_claimed(folder), is_finished(folder)))
        return {"val/psnr": 20.0}

    assert run(cfg, train) == {"val/psnr": 20.0}
    assert during == [(True, ["seed=1"], True, False)]
    assert (is_finished(folder), is_claimed(folder), metrics_of(folder)) == (True, False, {"val/psnr": 20.0})
    assert config_dir_of_run(folder) == Path("/home/me/conf")
    assert capsys.readouterr().out == f"the run is in {folder}\n"


def test_a_finished_run_is_not_trained_again_but_when_it_is_another(hydra, cfg, capsys):
    folder = Path(cfg.paths.output_dir)
    begin(folder_made(folder), ["seed=1"])
    finish(folder, ["seed=1"], {"val/psnr": 30.0})
    cfg.resume = str(folder)
    assert run(cfg, lambda cfg: pytest.fail("trained")) == {"val/psnr": 30.0}
    assert "finished already" in capsys.readouterr().out
    hydra.overrides.task = ["seed=1", "trainer.max_epochs=9"]
    assert run(cfg, lambda cfg: {"val/psnr": 31.0}) == {"val/psnr": 31.0}


def folder_made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def test_a_run_that_is_refused_leaves_its_folder_unclaimed(hydra, cfg):
    def refuse(cfg: DictConfig) -> dict[str, float]:
        raise InputError("no")

    with pytest.raises(InputError):
        run(cfg, refuse)
    assert not is_claimed(Path(cfg.paths.output_dir))


def test_a_job_of_a_sweep_goes_on_where_its_folder_is_and_refuses_one_of_another(hydra, cfg, monkeypatch):
    hydra.mode = RunMode.MULTIRUN
    folder = folder_made(Path(cfg.paths.output_dir))
    monkeypatch.chdir(folder.parent)
    begin(folder, ["seed=1"])
    (folder / LAST).parent.mkdir()
    (folder / LAST).touch()
    assert run(cfg, lambda given: {"resumed from run": float(given.resume == "run")}) == {"resumed from run": 1.0}
    begin(folder, ["seed=2"])
    with pytest.raises(InputError, match="holds another job than seed=1: give the sweep a folder of its own"):
        run(cfg, lambda cfg: {})


def test_stages_are_run_in_the_place_of_a_training(hydra, cfg, monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(one_run, "run_stages", lambda *given: asked.append(given) or tmp_path / "done")
    cfg.stages = {"first": {"experiment": "a"}}
    assert run(cfg, lambda cfg: pytest.fail("trained")) == {}
    assert asked == [(cfg, ["seed=1"], Path("/home/me/conf"))]


def test_another_process_than_the_first_only_trains(hydra, cfg, monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setattr(processes.time, "sleep", lambda seconds: None)
    assert run(cfg, lambda cfg: {"val/psnr": 1.0}) == {"val/psnr": 1.0}
    assert not (Path(cfg.paths.output_dir) / BEGUN).exists()


def test_a_search_is_told_its_metric(hydra, cfg):
    cfg.objective = "val/psnr"
    assert answer(cfg, lambda cfg: {"val/psnr": 3.0}) == 3.0
    cfg.objective = "val/other"
    with pytest.raises(InputError, match="no metric of this run: there are val/psnr"):
        answer(cfg, lambda cfg: {"val/psnr": 3.0})
    cfg.objective = None
    assert answer(cfg, lambda cfg: {"val/psnr": 3.0}) == {"val/psnr": 3.0}


def test_what_a_sweep_cannot_share_out_is_refused(hydra, cfg):
    hydra.mode = RunMode.MULTIRUN
    cfg.trainer.devices = 2
    with pytest.raises(InputError, match=r"use trainer\.devices=1"):
        run(cfg, lambda cfg: {})
    hydra.launcher._target_ = "hydra_plugins.hydra_submitit_launcher.submitit_launcher.SlurmLauncher"
    cfg.stages = {"first": {"experiment": "a"}}
    with pytest.raises(InputError, match="stages of a run can't share SLURM's tasks"):
        run(cfg, lambda cfg: {})


@pytest.mark.parametrize(
    ("devices", "nodes", "several"), [(1, 1, False), ("1", 1, False), ([0], 1, False), (2, 1, True), ("auto", 1, True), (1, 2, True)]
)
def test_several_devices_are_several_processes(devices, nodes, several):
    assert takes_several_devices(SimpleNamespace(trainer=SimpleNamespace(devices=devices, num_nodes=nodes))) == several


def test_a_misspelt_word_for_missing_data_is_refused():
    for word in (None, "error", "substitute"):
        check_missing(OmegaConf.create({"data": {"missing": word}}))
    check_missing(OmegaConf.create({}))
    with pytest.raises(InputError, match=r"data\.missing=skip is neither"):
        check_missing(OmegaConf.create({"data": {"missing": "skip"}}))
