"""Which runs a sweep's folder holds, and how they are named by what was swept."""

from __future__ import annotations

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from mwgan.errors import InputError
from mwgan.runs import folder as jobs
from mwgan.runs.sweeps import runs_of, swept_keys


def swept(folder: Path, *options: str, model: str = "irdm", params: str = "null") -> None:
    """The record of a sweep as Hydra leaves it."""
    listed = "".join(f"    - {option}\n" for option in options)
    (folder / "multirun.yaml").write_text(
        f"hydra:\n  sweeper: {{params: {params}}}\n  runtime: {{choices: {{model: {model}}}}}\n  overrides:\n    task:\n{listed}seed: 5\n"
    )


def begun(folder: Path, *options: str, model: str | None = None) -> None:
    """A job that says itself what it is; Hydra's record is of a second sweep that was refused."""
    (folder / ".hydra").mkdir(parents=True)
    (folder / ".hydra" / "overrides.yaml").write_text("- data=other\n- seed=9\n")
    jobs.record_start(folder, options, model)


def test_methods_of_a_sweep_are_told_by_what_was_swept(tmp_path):
    with pytest.raises(InputError, match="not the folder of a sweep"):
        runs_of(tmp_path)
    swept(tmp_path, "data=d1,d2", "seed=0,1", "wedge.min_deg=40", "data.missing=substitute", "threads=1")
    with pytest.raises(InputError, match="no job of the sweep"):
        runs_of(tmp_path)
    for number, (data, seed) in enumerate((("d1", 0), ("d1", 1), ("d2", 0), ("d2", 1))):
        begun(tmp_path / str(number), f"data={data}", f"seed={seed}", "wedge.min_deg=40", "data.missing=substitute", "threads=1")
    jobs.record_end(tmp_path / "2", [], {})
    assert [(run.method, run.train_seed, run.finished) for run in runs_of(tmp_path)] == [
        ("irdm_d1", 0, False),
        ("irdm_d1", 1, False),
        ("irdm_d2", 0, True),
        ("irdm_d2", 1, False),
    ]
    assert [run.folder for run in runs_of(str(tmp_path))] == [tmp_path / str(number) for number in range(4)]


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


def test_the_keys_of_a_search_come_before_those_of_the_command():
    sweep = {
        "hydra": {
            "sweeper": {"params": {"+model.a": "interval(0, 1)", "model.b": "choice(1, 2)"}},
            "overrides": {"task": ["seed=0,1", "wedge.min_deg=40", "model.b=1,2", "inpainters=a,b"]},
        }
    }
    assert swept_keys(OmegaConf.create(sweep)) == ["model.a", "model.b", "seed", "init"]  # inpainters= by today's name
    assert swept_keys(OmegaConf.create({})) == []
