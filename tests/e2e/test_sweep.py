"""Sweeps: killed in the middle they go on where they were, a failure stops no other job, and their folder can be read."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import pytest
import torch
from omegaconf import OmegaConf

from mwgan.cli.train import main
from mwgan.errors import InputError
from mwgan.runs import folder as jobs
from mwgan.runs.one_run import answer
from mwgan.runs.resume import whole_command
from mwgan.runs.sweeps import runs_of

PROGRAM = [sys.executable, "-m", "mwgan.cli.train"]
SMOKE = ("debug=smoke", "model=irdm_pixel", "model.generator.depth=2", "logger=csv", "callbacks.image_panels=null", "threads=1")
SMOKE += ("callbacks.progress_bar=null", "trainer.enable_progress_bar=false", "trainer.accelerator=cpu")
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


def run_program(*arguments: str, folder: Path) -> subprocess.CompletedProcess:
    return subprocess.run([*PROGRAM, *arguments], capture_output=True, text=True, check=False, cwd=folder, env=ENVIRONMENT)


def wait_for(file: Path, process: subprocess.Popen) -> None:
    while not file.exists():
        assert process.poll() is None, "the sweep ended before it could be killed"
        time.sleep(0.01)


def epochs(log: Path) -> list[int]:
    """The epochs that a log holds to their end; a run that is killed as it has written its checkpoint has logged less."""
    return pd.read_csv(log).reindex(columns=["epoch", "train/pixel_loss"]).dropna()["epoch"].tolist()


def last_epoch(run: Path) -> int:
    return torch.load(run / jobs.LAST, weights_only=True)["epoch"]


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def told(folder: Path, *options: str) -> None:
    """A run folder as Hydra leaves it."""
    (folder / ".hydra").mkdir(parents=True)
    (folder / ".hydra" / "overrides.yaml").write_text("".join(f"- {option}\n" for option in options))


def test_a_killed_sweep_goes_on_where_it_was(tmp_path):
    command = [*PROGRAM, "-m", "seed=0,1,2", *SMOKE, "data.train.count=96", "trainer.max_epochs=5", "hydra.sweep.dir=sweep"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=ENVIRONMENT, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as running:
        wait_for(tmp_path / "sweep" / "1" / jobs.LAST, running)
        os.killpg(running.pid, signal.SIGKILL)
    first, second, third = (tmp_path / "sweep" / str(number) for number in range(3))
    assert [run.finished for run in runs_of(tmp_path / "sweep")] == [True, False]
    untouched, stopped_after = (first / jobs.LAST).stat().st_mtime_ns, last_epoch(second)
    done = run_program("resume=sweep", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (first / jobs.LAST).stat().st_mtime_ns == untouched
    before, after = epochs(second / "csv" / "metrics_1.csv"), epochs(second / "csv" / "metrics.csv")
    assert after == list(range(stopped_after + 1, 5))
    assert set(before).isdisjoint(after)
    assert epochs(third / "csv" / "metrics.csv") == [0, 1, 2, 3, 4]
    assert [last_epoch(folder) for folder in (first, second, third)] == [4, 4, 4]
    assert all(run.finished for run in runs_of(tmp_path / "sweep"))
    assert [run.train_seed for run in runs_of(tmp_path / "sweep")] == [0, 1, 2]


def test_jobs_run_side_by_side_and_one_that_fails_is_tried_again(tmp_path):
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher", reason="this launcher needs hydra-joblib-launcher")
    done = run_program("-m", "launcher=joblib", "wedge.min_deg=40,70", *SMOKE, "hydra.sweep.dir=sweep", folder=tmp_path)
    assert done.returncode == 2
    assert "40 <= max_deg" not in done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last == "error: 1 of 2 jobs failed: 1; mwgan-train resume='sweep' tries them again"
    assert done.stderr.count("70 to 60") == 1
    good, bad = (tmp_path / "sweep" / number for number in "01")
    assert (jobs.is_finished(good), jobs.is_finished(bad)) == (True, False)
    untouched = (good / jobs.LAST).stat().st_mtime_ns
    again = run_program("resume=sweep", folder=tmp_path)
    assert again.returncode == 2
    assert (good / jobs.LAST).stat().st_mtime_ns == untouched
    assert [run.method for run in runs_of(tmp_path / "sweep")] == ["irdm_pixel_min_deg=40", "irdm_pixel_min_deg=70"]


def test_a_job_that_fails_does_not_stop_those_after_it(tmp_path):
    done = run_program("-m", "wedge.min_deg=70,40,71", *SMOKE, "hydra.sweep.dir=sweep", folder=tmp_path)
    assert done.returncode == 2
    assert [run.finished for run in runs_of(tmp_path / "sweep")] == [False, True, False]
    assert "Traceback" not in done.stderr
    assert [line.split(" (")[0] for line in done.stderr.strip().splitlines() if "job" in line] == [
        "job 0 of the sweep",
        "job 2 of the sweep",
        "error: 2 of 3 jobs failed: 0, 2; mwgan-train resume='sweep' tries them again",
    ]


def test_another_sweep_is_refused_before_it_writes_over_the_first(tmp_path):
    done = run_program("-m", "wedge.min_deg=40,50", "seed=3", *SMOKE, "hydra.sweep.dir=sweep", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    before = contents(tmp_path / "sweep")
    for other in (["-m", "wedge.min_deg=41,51", "seed=4", *SMOKE, "hydra.sweep.dir=sweep"], ["resume=sweep", "trainer.max_epochs=2"]):
        refused = run_program(*other, folder=tmp_path)
        assert refused.returncode == 2
        assert refused.stderr.startswith("error: sweep holds another sweep (wedge.min_deg=40,50 seed=3 ")
        assert refused.stderr.count("\n") == 1
        assert "tries" not in refused.stderr
        assert contents(tmp_path / "sweep") == before
    again = run_program("resume=sweep", "threads=2", folder=tmp_path)
    assert (again.returncode, again.stdout.count("finished already")) == (0, 2)
    runs = [(run.method, run.train_seed) for run in runs_of(tmp_path / "sweep")]
    assert runs == [("irdm_pixel_min_deg=40", 3), ("irdm_pixel_min_deg=50", 3)]


def test_ctrl_c_ends_a_run_and_a_sweep_in_a_sentence(tmp_path):
    for options, log in ((["paths.run_dir=run"], "run"), (["-m", "seed=0,1", "hydra.sweep.dir=sweep"], "sweep/0")):
        command = [*PROGRAM, *options, *SMOKE, "data.train.count=96", "trainer.max_epochs=500"]
        with subprocess.Popen(
            command, cwd=tmp_path, env=ENVIRONMENT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
        ) as running:
            wait_for(tmp_path / log / jobs.LAST, running)
            running.send_signal(signal.SIGINT)
            told = running.communicate(timeout=60)[1]
        assert running.returncode == 130
        assert told.strip().splitlines()[-1] == "interrupted: what was finished is kept"
        assert "Traceback" not in told
    assert not (tmp_path / "sweep" / "1").exists()


def test_a_misspelt_word_for_missing_data_is_refused_before_any_job(tmp_path):
    misspelt = "data.missing=subsitute"
    for command in ([misspelt, "paths.run_dir=run"], ["-m", "data=d1,d2", misspelt, "hydra.sweep.dir=sweep"]):
        done = run_program(*command, *SMOKE, folder=tmp_path)
        assert done.returncode == 2
        assert done.stderr.startswith("error: data.missing=subsitute is neither error nor substitute")
        assert done.stderr.count("\n") == 1
    assert not (tmp_path / "sweep").exists()
    assert not (tmp_path / "run" / jobs.BEGUN).exists()


def test_a_stage_that_fails_does_not_stop_the_other_jobs(monkeypatch, capsys, tmp_path):
    def stage_failed(cfg, options):
        sys.exit(1)

    monkeypatch.setattr("mwgan.runs.one_run.run_stages", stage_failed)
    monkeypatch.chdir(tmp_path)
    options = ("experiment=ding2019/reduced/joint", "seed=0,1", "threads=1", "hydra.sweep.dir=sweep")
    monkeypatch.setattr(sys, "argv", ["mwgan-train", "-m", *options])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    told = capsys.readouterr().err
    assert told.count("one of its stages failed") == 2
    assert "2 of 2 jobs failed: 0, 1" in told


def test_a_run_folder_alone_is_gone_on_with_in_place(tmp_path):
    run_program(*SMOKE, "paths.run_dir=run", "trainer.max_epochs=2", folder=tmp_path)
    note = json.loads((tmp_path / "run" / jobs.FINISHED).read_text())
    assert note["metrics"]["val/psnr"] > 0
    assert "trainer.max_epochs=2" in note["overrides"]
    again = run_program("resume=run", folder=tmp_path)
    assert (again.returncode, "finished already" in again.stdout) == (0, True)
    further = run_program("resume=run", "trainer.max_epochs=3", folder=tmp_path)
    assert further.returncode == 0, further.stderr
    assert epochs(tmp_path / "run" / "csv" / "metrics.csv") == [2]
    assert [folder.name for folder in tmp_path.iterdir()] == ["run"]


def test_a_search_maximises_its_objective_and_goes_on_with_the_same_trials(tmp_path):
    pytest.importorskip("hydra_plugins.hydra_optuna_sweeper", reason="a search needs hydra-optuna-sweeper")
    done = run_program("-m", "search=optuna_pixel", "hydra.sweeper.n_trials=2", *SMOKE, "hydra.sweep.dir=search", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    first, second = (tmp_path / "search" / number for number in "01")
    results = tmp_path / "search" / "optimization_results.yaml"
    assert OmegaConf.load(results).best_value == max(jobs.metrics_of(job)["val/psnr"] for job in (first, second))
    assert set(OmegaConf.load(results).best_params) == {"model.generator_optimizer.lr", "model.gradient_clip"}
    untouched = [(job / jobs.LAST).stat().st_mtime_ns for job in (first, second)]
    further = run_program("resume=search", "hydra.sweeper.n_trials=3", folder=tmp_path)
    assert further.returncode == 0, further.stderr
    assert [(job / jobs.LAST).stat().st_mtime_ns for job in (first, second)] == untouched
    assert jobs.is_finished(tmp_path / "search" / "2")


def test_a_sweep_on_one_machine_uses_one_device_a_job(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(sys, "argv", ["mwgan-train", "-m", "seed=0,1", *SMOKE, "trainer.devices=2", f"paths.root={tmp_path}"])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    assert "use trainer.devices=1" in capsys.readouterr().err


def test_an_objective_that_is_no_metric_is_refused(monkeypatch):
    monkeypatch.setattr("mwgan.runs.one_run.run", lambda cfg, train: {"val/psnr": 30.0})
    assert answer(OmegaConf.create({"objective": None}), dict) == {"val/psnr": 30.0}
    assert answer(OmegaConf.create({"objective": "val/psnr"}), dict) == 30.0
    with pytest.raises(InputError, match="there are val/psnr"):
        answer(OmegaConf.create({"objective": "val/psnrr"}), dict)


@pytest.mark.parametrize(
    ("option", "plugin", "extra"),
    [
        ("launcher=joblib", "joblib_launcher", "sweep"),
        ("launcher=slurm", "submitit_launcher", "slurm"),
        ("search=optuna", "optuna_sweeper", "search"),
    ],
)
def test_a_missing_plugin_is_named_with_its_extra(option, plugin, extra, monkeypatch, capsys, tmp_path):
    if find_spec(f"hydra_plugins.hydra_{plugin}"):
        pytest.skip("it is installed")
    monkeypatch.setattr(sys, "argv", ["mwgan-train", "-m", option, "debug=smoke", f"paths.root={tmp_path}"])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    assert f"pip install 'mwgan[{extra}]'" in capsys.readouterr().err


def test_what_stands_beside_resume_wins(tmp_path):
    told(tmp_path / "run", "seed=1", "+x=2", "paths.run_dir=elsewhere", "resume=earlier")
    resume = f"resume={tmp_path / 'run'}"
    where = f"paths.run_dir='{tmp_path / 'run'}'"
    assert whole_command([resume, "seed=3"]) == ["+x=2", "seed=3", where]  # nothing was trained: nothing to go on from
    (tmp_path / "run" / jobs.LAST).parent.mkdir()
    (tmp_path / "run" / jobs.LAST).touch()
    assert whole_command([resume]) == ["seed=1", "+x=2", where, f"resume='{tmp_path / 'run'}'"]
    for by_itself in ([resume, "experiment=demo/pixel"], ["-m", resume, "seed=0,1"], ["resume=irdm"], ["seed=3"]):
        assert whole_command(by_itself) == by_itself


def test_a_refused_attempt_leaves_what_a_folder_says_of_its_run(tmp_path):
    told(tmp_path, "seed=1", "wedge.min_deg=20")
    (tmp_path / jobs.LAST).parent.mkdir()
    (tmp_path / jobs.LAST).touch()
    with jobs.begun(tmp_path, ["seed=1"], "irdm"):
        pass
    jobs.finish(tmp_path, ["seed=1"], {"val/psnr": 20.0})
    with pytest.raises(InputError, match="another wedge"), jobs.begun(tmp_path, ["seed=1", "wedge.min_deg=20"], "irdm"):
        raise InputError("it was trained on another wedge")
    assert jobs.metrics_of(tmp_path) == {"val/psnr": 20.0}
    assert whole_command([f"resume={tmp_path}"])[0:2] == ["seed=1", f"paths.run_dir='{tmp_path}'"]

    def diverge() -> None:
        with jobs.begun(tmp_path, ["seed=1", "trainer.max_epochs=3"], "irdm"):
            (tmp_path / jobs.LAST).write_text("an epoch more")
            raise InputError("the pixel loss is no longer a number")

    with pytest.raises(InputError):
        diverge()
    assert not jobs.is_finished(tmp_path)


def test_a_sweeps_folder_gives_its_command_again(tmp_path):
    told(tmp_path / "0", "seed=0")
    (tmp_path / "multirun.yaml").write_text(
        "hydra:\n  overrides:\n    hydra: [hydra.mode=MULTIRUN, hydra.sweep.dir=x, hydra.sweeper.n_trials=3]\n"
        "    task: [launcher=joblib, 'seed=0,1', threads=1]\n"
    )
    where = f"hydra.sweep.dir='{tmp_path}'"
    assert whole_command([f"resume={tmp_path}", "threads=2"]) == [
        *("-m", "launcher=joblib", "seed=0,1", "hydra.sweeper.n_trials=3", "threads=2", where)
    ]


def test_a_folder_that_holds_nothing_to_go_on_from_is_refused(tmp_path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(InputError, match="holds no run or sweep to go on from"):
            whole_command([f"resume={folder}"])
    (tmp_path / "multirun.yaml").touch()
    with pytest.raises(InputError, match=r"go on with it by mwgan-train resume='.*', without -m"):
        whole_command(["-m", f"resume={tmp_path}", "seed=0,1"])
    assert whole_command(["resume=null"]) == ["resume=null"]


def test_a_record_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "multirun.yaml").write_text("{")
    with pytest.raises(InputError, match=r"multirun\.yaml can't be read"):
        whole_command([f"resume={tmp_path}"])


def test_two_processes_do_not_train_in_one_folder(tmp_path):
    with jobs.claimed(tmp_path), pytest.raises(InputError, match="another process"), jobs.claimed(tmp_path):
        pass
    with jobs.claimed(tmp_path):
        assert jobs.is_claimed(tmp_path)
    assert not jobs.is_claimed(tmp_path)
    with jobs.claimed(tmp_path):
        pass


def test_how_a_run_is_computed_does_not_make_it_another(tmp_path):
    jobs.begin(tmp_path, ["seed=1", "launcher=joblib", "threads=1"])
    assert jobs.is_same_job(tmp_path, ["threads=2", "seed=1", "logger=csv"])
    assert not jobs.is_same_job(tmp_path, ["seed=2"])
    jobs.finish(tmp_path, ["seed=1"], {"val/psnr": 30.0})
    assert jobs.metrics_of(tmp_path) == {"val/psnr": 30.0}
    (tmp_path / jobs.FINISHED).write_text("")  # of a stage of an earlier version
    (tmp_path / jobs.BEGUN).unlink()
    assert jobs.is_finished(tmp_path)
    assert jobs.is_same_job(tmp_path, ["seed=2"])
    assert jobs.metrics_of(tmp_path) == {}


def swept(folder: Path, *options: str, model: str = "irdm", params: str = "null") -> None:
    """The record of a sweep as Hydra leaves it."""
    listed = "".join(f"    - {option}\n" for option in options)
    (folder / "multirun.yaml").write_text(
        f"hydra:\n  sweeper: {{params: {params}}}\n  runtime: {{choices: {{model: {model}}}}}\n  overrides:\n    task:\n{listed}seed: 5\n"
    )


def begun(folder: Path, *options: str, model: str | None = None) -> None:
    folder.mkdir()
    jobs.begin(folder, options, model)
    told(folder, "data=other", "seed=9")  # of a second sweep that was refused


def test_methods_of_a_sweep_are_told_by_what_was_swept(tmp_path):
    with pytest.raises(InputError, match="not the folder of a sweep"):
        runs_of(tmp_path)
    swept(tmp_path, "data=d1,d2", "seed=0,1", "wedge.min_deg=40", "data.missing=substitute", "threads=1")
    with pytest.raises(InputError, match="no job of the sweep"):
        runs_of(tmp_path)
    for number, (data, seed) in enumerate((("d1", 0), ("d1", 1), ("d2", 0), ("d2", 1))):
        begun(tmp_path / str(number), f"data={data}", f"seed={seed}", "wedge.min_deg=40", "data.missing=substitute", "threads=1")
    jobs.finish(tmp_path / "2", [], {})
    assert [(run.method, run.train_seed, run.finished) for run in runs_of(tmp_path)] == [
        ("irdm_d1", 0, False),
        ("irdm_d1", 1, False),
        ("irdm_d2", 0, True),
        ("irdm_d2", 1, False),
    ]


def test_keys_that_end_alike_are_told_apart(tmp_path):
    generator, discriminator = "model.generator_optimizer.lr", "model.discriminator_optimizer.lr"
    swept(tmp_path, f"{discriminator}=1,2", "model.gradient_clip=1,2", params=f"{{{generator}: 'tag(log, interval(1, 9))'}}")
    begun(tmp_path / "0", f"{generator}=3.5", f"{discriminator}=1", "model.gradient_clip=2", model="irdm_pixel")
    (run,) = runs_of(tmp_path)
    assert run.method == "irdm_pixel_generator_optimizer.lr=3.5_discriminator_optimizer.lr=1_gradient_clip=2"
    assert run.train_seed == 5
    (tmp_path / "0" / "record.json").write_text('{"seed": 7}')
    assert runs_of(tmp_path)[0].train_seed == 7


def test_models_that_were_swept_begin_the_name(tmp_path):
    swept(tmp_path, "model=irdm,irdm_pixel", "+data.seed=1,2", "seed=0,1")
    begun(tmp_path / "10", "model=irdm_pixel", "data.seed=2", "seed=1", model="irdm_pixel")
    begun(tmp_path / "9", "model=irdm", "data.seed=1", "seed=0")
    assert [run.method for run in runs_of(tmp_path)] == ["irdm_data.seed=1", "irdm_pixel_data.seed=2"]
