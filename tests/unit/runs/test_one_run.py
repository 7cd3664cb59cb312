"""One run in its folder: started, resumed, already finished or refused, and what its folder says after each."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from mwgan.errors import InputError
from mwgan.files.checkpoints import LAST
from mwgan.runs import folder as jobs
from mwgan.runs import one_run, slurm
from mwgan.runs.config_dir import config_dir_of_run
from mwgan.runs.one_run import answer, check_missing, run, takes_several_devices

BASIC = "hydra._internal.BasicLauncher"
SUBMITIT = "hydra_plugins.hydra_submitit_launcher.SlurmLauncher"


@pytest.fixture(autouse=True)
def outside(monkeypatch):
    """No ranks and no SLURM, whatever these tests run on."""
    for name in ("RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID", "SLURM_JOB_ID", "SLURM_STEP_ID", "SLURM_RESTART_COUNT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv(slurm.FOLDER_NAME, raising=False)


@pytest.fixture
def command(monkeypatch):
    """``command(*options, mode=..., launcher=...)``: what Hydra knows of the command line from then on."""

    def given(*options: str, mode: RunMode = RunMode.RUN, launcher: str = BASIC, added: str | None = None) -> None:
        sources = [{"provider": "main", "path": "/program/conf"}, *([{"provider": "command-line", "path": added}] if added else [])]
        hydra = {
            "overrides": {"task": list(options)},
            "mode": mode,
            "launcher": {"_target_": launcher},
            "runtime": {"choices": {"model": "irdm"}, "config_sources": sources},
        }
        monkeypatch.setattr(HydraConfig, "get", staticmethod(lambda: OmegaConf.create(hydra)))

    return given


@pytest.fixture
def training():
    """A training that notes what it was asked for and leaves a checkpoint."""

    class Training:
        def __init__(self) -> None:
            self.resumed: list[str | None] = []
            self.error: Exception | None = None

        def __call__(self, cfg: DictConfig) -> dict[str, float]:
            self.resumed.append(cfg.resume)
            if self.error is not None:
                raise self.error
            last = Path(cfg.paths.output_dir) / LAST
            last.parent.mkdir(exist_ok=True)
            last.write_text(str(len(self.resumed)))
            return {"val/psnr": 20.0 + len(self.resumed)}

    return Training()


def config(folder: Path, **changes: object) -> DictConfig:
    cfg = {
        "paths": {"output_dir": str(folder)},
        "data": {"missing": "error"},
        "trainer": {"devices": 1, "num_nodes": 1},
        "resume": None,
        "stages": None,
        "objective": None,
    }
    return OmegaConf.merge(OmegaConf.create(cfg), OmegaConf.create(changes))


def test_a_run_is_noted_as_it_begins_and_as_it_ends(command, training, tmp_path, capsys):
    command("seed=3", "paths.run_dir=run", added="/home/me/conf")
    folder = tmp_path / "run"
    assert run(config(folder), training) == {"val/psnr": 21.0}
    assert jobs.options_of(folder) == ["seed=3", "paths.run_dir=run"]
    assert json.loads((folder / jobs.BEGUN).read_text())["model"] == "irdm"
    assert config_dir_of_run(folder) == Path("/home/me/conf")
    assert jobs.metrics_of(folder) == {"val/psnr": 21.0}
    assert capsys.readouterr().out == f"run saved in {folder}\n"
    assert not jobs.is_claimed(folder)


def test_a_finished_run_that_is_resumed_is_not_trained_again(command, training, tmp_path, capsys):
    command("seed=3")
    run(config(tmp_path), training)
    capsys.readouterr()
    assert run(config(tmp_path, resume=str(tmp_path)), training) == {"val/psnr": 21.0}
    assert capsys.readouterr().out == f"the run in {tmp_path} is already finished\n"
    command("seed=3", "trainer.max_epochs=9")
    assert run(config(tmp_path, resume=str(tmp_path)), training) == {"val/psnr": 22.0}
    assert training.resumed == [None, str(tmp_path)]


def test_a_run_is_trained_anew_unless_it_is_resumed(command, training, tmp_path):
    command("seed=3")
    run(config(tmp_path), training)
    run(config(tmp_path), training)
    assert training.resumed == [None, None]


def test_a_run_is_claimed_and_not_finished_while_it_is_trained(command, tmp_path):
    command("seed=3")
    during = []

    def train(cfg: DictConfig) -> dict[str, float]:
        during.append((jobs.options_of(tmp_path), jobs.is_claimed(tmp_path), jobs.is_finished(tmp_path)))
        return {}

    run(config(tmp_path), train)
    assert during == [(["seed=3"], True, False)]


def test_a_run_that_fails_is_not_finished_and_a_refused_one_changes_nothing(command, training, tmp_path):
    command("seed=3")
    run(config(tmp_path), training)
    training.error = InputError("it was trained on another wedge")
    command("seed=4")
    with pytest.raises(InputError, match="another wedge"):
        run(config(tmp_path, resume=str(tmp_path)), training)
    assert jobs.options_of(tmp_path) == ["seed=3"]
    assert jobs.is_finished(tmp_path)
    training.error = RuntimeError("a bug")
    with pytest.raises(RuntimeError):
        run(config(tmp_path, resume=str(tmp_path)), training)
    assert not jobs.is_finished(tmp_path)


def test_a_folder_that_is_trained_in_is_refused(command, training, tmp_path):
    command("seed=3")
    with jobs.claimed(tmp_path), pytest.raises(InputError, match="being trained in by another process"):
        run(config(tmp_path), training)
    assert training.resumed == []


def test_stages_are_run_instead_of_a_training(command, training, tmp_path, monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(one_run, "run_stages", lambda *given: asked.append(given[1:]) or Path("the stages"))
    command("seed=3", added="/home/me/conf")
    assert run(config(tmp_path, stages={"one": {}}), training) == {}
    assert asked == [(["seed=3"], Path("/home/me/conf"))]
    assert training.resumed == []
    assert jobs.is_finished(tmp_path)
    assert capsys.readouterr().out == "run saved in the stages\n"


def test_a_process_beside_the_first_only_trains(command, training, tmp_path, monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "1")
    command("seed=3")
    assert run(config(tmp_path), training) == {"val/psnr": 21.0}
    assert not (tmp_path / jobs.BEGUN).exists()
    assert not (tmp_path / jobs.FINISHED).exists()


def test_a_job_of_a_sweep_goes_on_by_itself(command, training, tmp_path, monkeypatch):
    command("seed=0", mode=RunMode.MULTIRUN)
    job = tmp_path / "sweep" / "0"
    job.mkdir(parents=True)
    jobs.record_start(job, ["seed=0"])
    (job / LAST).parent.mkdir()
    (job / LAST).touch()
    monkeypatch.chdir(tmp_path)
    run(config(job), training)
    assert training.resumed == ["sweep/0"]  # records don't tell the folders of a machine
    assert run(config(job), training) == {"val/psnr": 21.0}
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    (job / jobs.FINISHED).unlink()
    run(config(job), training)
    assert training.resumed == ["sweep/0", str(job)]


def test_a_job_of_a_sweep_begins_where_there_is_nothing(command, training, tmp_path):
    command("seed=0", mode=RunMode.MULTIRUN)
    run(config(tmp_path / "0"), training)
    assert training.resumed == [None]


def test_a_job_of_another_sweep_is_refused(command, training, tmp_path):
    jobs.record_start(tmp_path, ["seed=1"])
    command("seed=0", mode=RunMode.MULTIRUN)
    with pytest.raises(InputError, match=r"holds another job than seed=0: .*hydra\.sweep\.dir="):
        run(config(tmp_path), training)
    assert training.resumed == []


def test_a_run_whose_slurm_job_was_queued_again_goes_on_by_itself(command, training, tmp_path, monkeypatch):
    command("seed=0")
    run(config(tmp_path), training)
    (tmp_path / jobs.FINISHED).unlink()
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    run(config(tmp_path), training)
    assert training.resumed == [None, str(tmp_path)]
    run(config(tmp_path), training)  # finished meanwhile
    assert len(training.resumed) == 2


def test_a_second_run_of_a_step_is_refused_the_folder_of_the_first(command, training, tmp_path, monkeypatch):
    monkeypatch.setenv(slurm.FOLDER_NAME, "slurm-12.0")
    folder = tmp_path / "slurm-12.0"
    command("seed=0")
    run(config(folder), training)
    command("seed=1")
    with pytest.raises(InputError, match=r"another run of this SLURM step.*paths\.run_dir="):
        run(config(folder), training)
    assert jobs.options_of(folder) == ["seed=0"]
    command("seed=0", f"resume={folder}")
    assert run(config(folder, resume=str(folder)), training) == {"val/psnr": 21.0}


@pytest.mark.parametrize(
    ("devices", "nodes", "several"),
    [(1, 1, False), ("1", 1, False), ([0], 1, False), (2, 1, True), ("auto", 1, True), ([1, 2], 1, True), (1, 2, True)],
)
def test_devices_and_nodes_make_several_processes(devices, nodes, several, tmp_path):
    assert takes_several_devices(config(tmp_path, trainer={"devices": devices, "num_nodes": nodes})) == several


@pytest.mark.parametrize(
    ("launcher", "stages", "refusal"),
    [
        (BASIC, None, "use trainer.devices=1"),
        (SUBMITIT, {"one": {}}, "train each stage by its own experiment="),
        (BASIC, {"one": {}}, None),
        (SUBMITIT, None, None),
    ],
)
def test_several_devices_in_a_sweep(launcher, stages, refusal, command, training, tmp_path, monkeypatch):
    monkeypatch.setattr(one_run, "run_stages", lambda *given: tmp_path)
    command("seed=0", mode=RunMode.MULTIRUN, launcher=launcher)
    cfg = config(tmp_path, trainer={"devices": 2, "num_nodes": 1}, stages=stages)
    if refusal is None:
        run(cfg, training)
        assert jobs.is_finished(tmp_path)
    else:
        with pytest.raises(InputError, match=refusal):
            run(cfg, training)
        assert not (tmp_path / jobs.BEGUN).exists()


@pytest.mark.parametrize("missing", ["error", "substitute", None])
def test_the_words_for_missing_data(missing, tmp_path):
    check_missing(config(tmp_path, data={"missing": missing}))
    check_missing(OmegaConf.create({"data": {}}))
    with pytest.raises(InputError, match=r"data\.missing=subsitute is neither error nor substitute"):
        check_missing(config(tmp_path, data={"missing": "subsitute"}))


def test_a_search_is_answered_with_its_objective(command, training, tmp_path):
    command("seed=3")
    assert answer(config(tmp_path), training) == {"val/psnr": 21.0}
    assert answer(config(tmp_path, objective="val/psnr"), training) == 22.0
    with pytest.raises(InputError, match="it has val/psnr"):
        answer(config(tmp_path, objective="val/psnrr"), training)
    with pytest.raises(InputError, match="it has none"):
        answer(config(tmp_path, objective="val/psnr"), lambda cfg: {})
