"""Bad input to every program: exit code 2, one sentence with the remedy, nothing written. A row is a command and what its sentence says."""

from __future__ import annotations

import importlib
import json
import shlex
import sys
from pathlib import Path

import h5py
import mrcfile
import numpy as np
import pandas as pd
import pytest
from hydra._internal.hydra import Hydra
from hydra.types import RunMode

from mwgan.paths import samples_dir
from mwgan.series.align import Alignment

MAINS = {
    "mwgan": "mwgan.cli.main",
    "mwgan-train": "mwgan.cli.train",
    "mwgan-evaluate": "mwgan.cli.evaluate",
    "mwgan-figures": "mwgan.cli.figures",
}
SERIES = "S.mrc --tilts S.tlt"
VOLUME = "volume.npy --voxel-size 1 --wedge 60 --method sirt"
TRAIN = "mwgan-train debug=smoke threads=1 paths.run_dir=run"
EVALUATE = "mwgan-evaluate data.size=32 images=2 tuning_images=1 step_deg=10 wedges_deg=[60] table=t hydra.run.dir=log"

ROWS = """
mwgan look nowhere.mrc | nowhere.mrc
mwgan look S.mrc --tilts nowhere.tlt | nowhere.tlt
mwgan look {S} --background some | --background is auto, none, edge or a number
mwgan look {S} --background nan | --background is auto
mwgan look {S} --axis-offset left | --axis-offset is auto or a number
mwgan look {S} -o look.jpg | ends in .png
mwgan look {S} -o nowhere/look.png | does not exist
mwgan look folder | folder
mwgan look empty.mrc | empty.mrc
mwgan look text.mrc | text.mrc
mwgan look {S} --exclude 99 | 99
mwgan look {S} --exclude a | leave out
mwgan look {S} --exclude 1-77 | left out
mwgan align nowhere.mrc -o al.mrc | nowhere.mrc
mwgan align {S} | output
mwgan align {S} -o a.tif | ends in .mrc
mwgan align {S} -o .mrc | ends in .mrc
mwgan align {S} -o nowhere/a.mrc | does not exist
mwgan align {S} -o S.mrc | is an input
mwgan align {S} -o S.ali | is an input
mwgan align {S} -o al.mrc --axis-angle 100 | -90 and 90
mwgan align {S} -o al.mrc --bin 0 | bin
mwgan align {S} -o al.mrc --bin 50 | binning
mwgan align {S} -o al.mrc --exclude 5-77 | 5 or more
mwgan align {S} -o al.mrc --background some | --background is auto, none, edge or a number
mwgan align S.mrc --tilts short.tlt -o al.mrc | tilts
mwgan align nans.mrc --tilts S.tlt -o al.mrc | NaN
mwgan align {S} -o other.mrc | something else
mwgan apply R.mrc --like nowhere.json | nowhere.json
mwgan apply R.mrc --like S.tlt | not JSON
mwgan apply R.mrc --like other.json | not an alignment
mwgan apply nowhere.mrc --like a.json | nowhere.mrc
mwgan apply R.mrc --like a.json | same tilts and size
mwgan apply R.mrc --like a.json -o nowhere | does not exist
mwgan reconstruct {S} -o v.mrc --aligned-by nowhere.json | nowhere.json
mwgan reconstruct {S} -o v.mrc --aligned-by other.json | not an alignment
mwgan reconstruct {S} -o v.mrc --aligned-by a.json | same tilts and size
mwgan reconstruct {S} -o v.mrc --aligned-by a.json --axis-offset 1 | leave out --axis-offset
mwgan atoms nowhere.mrc -o atoms.xyz | nowhere.mrc
mwgan atoms {S} | output
mwgan atoms {S} -o a.mrc | ends in .xyz
mwgan atoms {S} -o nowhere/a.xyz | does not exist
mwgan atoms {S} -o atoms.xyz --species Au,Qq | no element
mwgan atoms {S} -o a.xyz | something else
mwgan measure nowhere.mrc | nowhere.mrc
mwgan measure text.mrc | text.mrc
mwgan measure folder | folder
mwgan measure S.mrc | is a tilt series
mwgan measure flat.npy --voxel-size 1 | flat.npy
mwgan measure unsized.mrc | --voxel-size
mwgan measure unsized.npy | --voxel-size
mwgan measure unsized.mrc --voxel-size 0 | above 0 nm
mwgan measure nans.mrc --voxel-size 1 | NaN
mwgan measure ones.npy --voxel-size 1 | no specimen
mwgan measure {V} --threshold 1e9 | no voxel of the volume is above
mwgan measure {V} --threshold -1e9 | all voxels of the volume are above
mwgan measure {V} --threshold nan | finite
mwgan measure {V} --threshold high | otsu or a grey level
mwgan measure {V} --threshold 0.5 --materials 0,1 | give one of them
mwgan measure {V} --materials 1,0 | rising
mwgan measure {V} --materials gold | 0,0.4,1
mwgan measure {V} --smallest 100000000 | --smallest
mwgan measure {V} --smallest 0 | smallest
mwgan measure {V} --close -1 | close
mwgan measure {V} --wedge 180 | wedge
mwgan measure {V} --uncertainty nowhere.mrc | nowhere.mrc
mwgan measure {V} --uncertainty S.mrc | this volume
mwgan measure {V} --uncertainty deviation.npy | NaN
mwgan measure {V} -o damaged | already exists
mwgan measure {V} -o text.csv | already exists
mwgan measure {V} -o nowhere/m | does not exist
mwgan measure {V} --series recorded | no record
mwgan measure {V} --series nowhere.mrc | nowhere.mrc
mwgan measure {V} --series {S} | the volume has
mwgan measure {V} --series {S} --groups 50 | too few
mwgan measure {V} --series {S} --groups 1 | groups
mwgan measure {V} --series {S} --method nonsense | no method or checkpoint
mwgan measure {V} --groups 3 | give --series
mwgan measure {V} --tilts S.tlt | give --series
mwgan measure {V} --aligned-by a.json | give --series
mwgan measure {V} --series R.mrc --tilts S.tlt --aligned-by a.json | same tilts and size
mwgan info nowhere.mrc | nowhere.mrc
mwgan info cut.mrc | cut.mrc
mwgan info S.mrc --tilts short.tlt | tilts
mwgan info S.mrc --tilts words.tlt | words.tlt
mwgan info S.mrc --tilts empty.tlt | empty.tlt
mwgan info S.mrc --tilts 0:10:0 | FIRST:LAST:STEP
mwgan info S.mrc --tilts -60:60:1e-9 | text file
mwgan info text.tif | text.tif
mwgan info text.h5 | text.h5
mwgan info text.npy | text.npy
mwgan info text.dm3 | text.dm3
mwgan info text.xyz | text.xyz
mwgan info flat.npy --tilts S.tlt | flat.npy
mwgan info words.npy --tilts S.tlt | words.npy
mwgan reconstruct nowhere.mrc -o v.mrc | nowhere.mrc
mwgan reconstruct {S} -o v.xyz | v.xyz
mwgan reconstruct {S} -o v | v
mwgan reconstruct {S} -o nowhere/v.mrc | does not exist
mwgan reconstruct {S} -o folder | folder
mwgan reconstruct {S} -o S.mrc | is an input
mwgan reconstruct {S} -o /dev/null | /dev/null
mwgan reconstruct {S} -o v.mrc --method nonsense | no method or checkpoint
mwgan reconstruct {S} -o v.mrc --method sirt --tune | this method has none
mwgan reconstruct {S} -o v.mrc --method text.safetensors | text.safetensors
mwgan reconstruct {S} -o v.mrc --method text.ckpt | text.ckpt
mwgan reconstruct {S} -o v.mrc --method folder | no weights
mwgan reconstruct {S} -o v.mrc --method '$x' | no method or checkpoint
mwgan reconstruct {S} -o v.mrc --method tvm --set weight=0 | above 0
mwgan reconstruct {S} -o v.mrc --method tvm --set weight=heavy | weight of tvm
mwgan reconstruct {S} -o v.mrc --method tvm --set weight=-1 | above 0
mwgan reconstruct {S} -o v.mrc --method tvm --set wait=1 | wait
mwgan reconstruct {S} -o v.mrc --method tvm --set weight | KEY=VALUE
mwgan reconstruct {S} -o v.mrc --method lpd --set weight=1 | no setting
mwgan reconstruct {S} -o v.mrc --method wbp --set filter=soft | filter
mwgan reconstruct {S} -o v.mrc --method wbp --set cutoff=2 | cutoff
mwgan reconstruct {S} -o v.mrc --method wbp --iterations 5 | iterations
mwgan reconstruct {S} -o v.mrc --method sirt --iterations 1000000000 | 100000
mwgan reconstruct {S} -o v.mrc --method sirt --set iterations=1.5 | iterations
mwgan reconstruct {S} -o v.mrc --consistency 0 | consistency
mwgan reconstruct {S} -o v.mrc --consistency inf | consistency
mwgan reconstruct {S} -o v.mrc --consistency nan | consistency
mwgan reconstruct {S} -o v.mrc --consistency -1 | consistency
mwgan reconstruct {S} -o v.mrc --memory much | 2GB
mwgan reconstruct {S} -o v.mrc --memory 1MB --method wbp | --memory
mwgan reconstruct {S} -o v.mrc --device tpu | device
mwgan reconstruct {S} -o v.mrc --device cuda:9 | cuda
mwgan reconstruct {S} -o v.mrc --bin 1000 | binning
mwgan reconstruct {S} -o v.mrc --max-tilt -1 | no tilt within
mwgan reconstruct {S} -o v.mrc --max-tilt -5 | no tilt within
mwgan reconstruct {S} -o v.mrc --width 1000 | width
mwgan reconstruct {S} -o v.mrc --axis-offset inf | --axis-offset
mwgan reconstruct {S} -o v.mrc --tuned nowhere.csv | nowhere.csv
mwgan reconstruct {S} -o v.mrc --tuned text.csv | text.csv
mwgan reconstruct {S} -o v.mrc --tuned empty.csv | empty.csv
mwgan reconstruct {S} -o v.mrc --config-dir nowhere | nowhere
mwgan reconstruct {S} -o v.mrc --filter hann | --set filter=hann
mwgan reconstruct {S} -o v.mrc --weight 1 | --set weight=1
mwgan reconstruct {S} -o v.mrc --method irdm | 64 pixels
mwgan reconstruct nans.mrc --tilts S.tlt -o v.mrc | NaN
mwgan reconstruct huge.mrc --tilts S.tlt -o v.mrc --method wbp --invert no --background none --axis-offset 0 --outliers keep | too large
mwgan reconstruct complex.mrc --tilts S.tlt -o v.mrc | mode
mwgan reconstruct R.mrc --tilts radians.tlt -o v.mrc --strict | radians
mwgan compare {S} --slice 0 -o c.pdf | PNG
mwgan compare {S} --slice 99 -o c.png | no slice 99
mwgan compare {S} --slice 0 -o c.png --methods nonsense | no method or checkpoint
mwgan compare {S} --slice 0 -o c.png --methods wbp, | no method
mwgan compare {S} --slice 0 -o c.png --max-tilts wide | --max-tilts
mwgan compare {S} --slice 0 -o c.png --max-tilts -1 | no tilt within
mwgan compare {S} --slice 0 -o nowhere/c.png | does not exist
mwgan compare {S} --slice 0 -o c.png --set tvm.wait=1 | wait
mwgan compare {S} --slice 0 -o c.png --consistency nan | consistency
mwgan compare {S} --slice 0 -o c.png --hold-out 1 | --hold-out
mwgan compare {S} --slice 0 -o c.png --hold-out 1000 | too few
mwgan reconstruct {S} -o v.mrc --method auto --set every=1 | 2 or more
mwgan reconstruct {S} -o v.mrc --method auto --set networks=[nonsense] | nonsense
mwgan simulate x.mrc --specimen dogs | dogs
mwgan simulate x.mrc --size 2 | size
mwgan simulate x.mrc --size 1000000 | memory
mwgan simulate x.mrc --slices 100000000 | memory
mwgan simulate x.mrc --step 0 | step must be
mwgan simulate x.mrc --step nan | step must be
mwgan simulate x.mrc --step 1e-9 | tilts
mwgan simulate x.mrc --max-tilt 120 | maximum
mwgan simulate x.mrc --max-tilt nan | maximum
mwgan simulate x.mrc --noise -1 | noise
mwgan simulate x.mrc --noise nan | noise
mwgan simulate x.mrc --voxel 0 | voxel
mwgan simulate nowhere/x.mrc | does not exist
mwgan methods nonsense | nonsense
mwgan methods --config-dir nowhere | nowhere
mwgan weights export nowhere -o w.safetensors | nowhere
mwgan weights export text.ckpt -o w.safetensors | text.ckpt
mwgan weights export folder -o w.safetensors | folder
mwgan weights export irdm -o nowhere/w.safetensors | does not exist
mwgan weights export irdm -o w.safetensors --band-scale 0 | scale
mwgan weights export irdm -o w.safetensors --band-scale nan | scale
mwgan weights split nowhere -o pieces | nowhere
mwgan weights join nowhere -o w.ckpt | nowhere
mwgan data check d9 | d9
mwgan data check drawn data.size=2 | size
mwgan data check drawn data.sise=2 | data.sise
mwgan data check drawn -o sheet.jpg | .png
mwgan data check drawn -o nowhere/sheet.png | does not exist
{T} data.size=0 | size
{T} data.size=-5 | size
{T} data.size=big | size
{T} data.size=1000000 | memory
{T} data.size=[32] | size
{T} data.batch_size=0 | batch_size
{T} data.batch_size=-1 | batch_size
{T} data.batch_size=big | batch_size
{T} data.batch_size=100000 | batch_size
{T} data.workers=-1 | workers
{T} data.workers=many | workers
{T} data.prefetch=0 data.workers=1 | prefetch
{T} threads=0 | threads
{T} threads=-2 | threads
{T} threads=many | threads
{T} seed=-1 | seed
{T} seed=abc | seed
{T} seed=99999999999999999999 | seed
{T} trainer.max_epochs=0 | max_epochs
{T} trainer.max_epochs=some | max_epochs
{T} trainer.max_epochs=-3 | max_epochs
{T} trainer.devices=0 | devices
{T} trainer.devices=-3 | devices
{T} trainer.devices=some | devices
{T} trainer.precision=7 | precision
{T} trainer.precision=exact | precision
{T} trainer.accelerator=tpuu | accelerator
{T} trainer.accelerator=gpu | gpu
{T} trainer.strategy=dpp | strategy
{T} trainer.limit_train_batches=-1 | limit_train_batches
{T} trainer.limit_train_batches=0 | limit_train_batches
{T} trainer.limit_train_batches=few | limit_train_batches
{T} model.generator_optimizer.lr=fast | lr
{T} model.generator_optimizer.lr=-1 | lr
{T} model.generator_optimizer.lr=nan | lr
{T} model.generator_optimizer.betas=0.9 | model.generator_optimizer.betas
{T} model.generator_optimizer.betas=[2,3] | beta
{T} model.pixel_weight=heavy | pixel_weight
{T} model.pixel_weight=nan | pixel_weight
{T} model.gradient_clip=tight | gradient_clip
{T} model.gradient_clip=-1 | gradient_clip
{T} model.pixel_loss.norm=l7 | l1, l2 or log_l2
{T} model.generator.width=0 | model.generator.width=0
{T} model.generator.depth=-1 | model.generator.depth=-1
{T} model.generator.depth=deep | model.generator.depth=deep
{T} model.generator.residual=perhaps | model.generator.residual
{T} model.pixel_loss.floor=low | model.pixel_loss.floor
{T} model.discriminator.width=0 | model.discriminator.width
{T} model=lpd model.generator.iterations=0 | model.generator.iterations
{T} model=lpd model.generator.memory=2.5 | model.generator.memory
{T} model.generator.nonsense=1 | nonsense
{T} model.nonsense=1 | nonsense
{T} model.compile=fast | compile
{T} model=nonsense | nonsense
{T} data=nonsense | nonsense
{T} experiment=nonsense | nonsense
{T} nonsense | nonsense
{T} wedge.min_deg=70 wedge.max_deg=60 | wedge
{T} wedge.max_deg=200 | wedge
{T} wedge.max_deg=nan | wedge
{T} wedge.max_deg=wide | wide
{T} acquisition.step_deg=0 | tilt step
{T} acquisition.step_deg=1e-9 | tilts
{T} acquisition.step_deg=nan | acquisition.step_deg=nan
{T} acquisition.step_deg=[] | step_deg is empty
{T} acquisition=gaussian acquisition.noise.percent=-1 | noise
{T} acquisition=gaussian acquisition.noise.percent=[3,1] | noise
{T} acquisition=gaussian acquisition.noise.percent=loud | noise
{T} logger=nonsense | nonsense
{T} callbacks.last_checkpoint.every_minutes=often | every_minutes
{T} callbacks.last_checkpoint.every_minutes=-1 | every_minutes
{T} init=nonsense | no weights
{T} init=text.ckpt | text.ckpt
{T} init=text.safetensors | text.safetensors
{T} init=irdm | trained with
{T} init={{generator.x:irdm}} | x
{T} resume=nowhere | nowhere
{T} resume=folder | folder
{T} resume=text.ckpt | text.ckpt
{T} data.missing=perhaps | error nor substitute
mwgan-train resume=nowhere | nowhere
mwgan-train resume=folder | no run or sweep
mwgan-train resume=damaged | read
{E} step_deg=0 | step_deg=0
{E} step_deg=nan | step_deg=nan
{E} step_deg=fine | step
{E} wedges_deg=[] | empty
{E} wedges_deg=[200] | wedge
{E} wedges_deg=[nan] | wedge
{E} wedges_deg=wide | wedges_deg
{E} wedges_deg=[wide] | wedges_deg
{E} images=0 | images=0
{E} images=-1 | images=-1
{E} images=many | images
{E} tuning_images=0 | tuning_images=0
{E} batch_size=0 | batch_size=0
{E} kept_images=-1 | kept_images=-1
{E} data.size=1000000 | memory
{E} data.size=0 | size
{E} noise.percent=-1 | noise
{E} noise.percent=loud | noise
{E} sinograms=[] | empty
{E} sinograms=[half] | sinograms
{E} device=tpu | device
{E} threads=0 | threads
{E} seed=abc | seed
{E} checkpoints={{mine:nowhere}} | nowhere
{E} checkpoints={{mine:text.ckpt}} | text.ckpt
{E} checkpoints=nowhere | checkpoints
{E} sweep=nowhere | nowhere
{E} sweep=folder | folder
{E} methods.tvm.tune.weight=[] | weight
{E} methods.tvm.tune.weight=3 | list of values
{E} methods.tvm.tune.wait=[1] | wait
{E} methods.nonsense=1 | nonsense
{E} data_consistency=[] | data_consistency
mwgan-figures table=nowhere figures=[nrmse_by_wedge] | nowhere
mwgan-figures table=text.parquet figures=[nrmse_by_wedge] | text
mwgan-figures run=nowhere | nowhere
mwgan-figures run=folder | folder
mwgan-figures report=nowhere | nowhere
mwgan-figures report=folder | folder
mwgan-figures table=T figures=[nrmse_by_wedge] formats=[gif7] | formats
mwgan info good.h5 --dataset nowhere --tilts S.tlt | nowhere
mwgan info good.h5 --dataset 7 --tilts S.tlt | 7
mwgan info good.npz --dataset nowhere --tilts S.tlt | nowhere
mwgan simulate x.tif | .mrc
mwgan simulate folder | folder
mwgan weights split irdm -o pieces --max-piece-mib 0 | piece
mwgan weights split text.ckpt -o pieces | text.ckpt
mwgan weights split irdm -o folder/nowhere/deep | does not exist
mwgan weights join folder -o w.ckpt | folder
mwgan weights join text.csv -o w.ckpt | text.csv
mwgan data check drawn data.train.count=0 | count
{T} data=d2 paths.data=nowhere | nowhere
{T} cache=text.csv | text.csv
{T} paths.run_dir=text.csv | text.csv
{T} paths.run_dir=text.csv/run | text.csv
{T} callbacks=nonsense | nonsense
{T} trainer=nonsense | nonsense
{T} trainer.check_val_every_n_epoch=0 | check_val_every_n_epoch
{T} trainer.log_every_n_steps=-1 | log_every_n_steps
{E} table=folder/ | folder
{E} table=text.csv/t | text.csv
{E} data_consistency=[-1] | data_consistency
{E} data_consistency=[nan] | data_consistency
{E} tests=nonsense | nonsense
mwgan-figures table=good figures=[nonsense] | nonsense
mwgan-figures table=good figures=[] | figures
mwgan-figures table=good noise_percent=2 figures=[nrmse_by_wedge] formats=[] | formats
mwgan-figures table=good noise_percent=2 figures=[nrmse_by_wedge] folder=text.csv | text.csv
"""


def rows() -> list[tuple[str, str]]:
    filled = ROWS.strip().format(S=SERIES, V=VOLUME, T=TRAIN, E=EVALUATE)
    return [(command.strip(), named.strip()) for command, named in (line.rsplit("|", 1) for line in filled.splitlines())]


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A folder with a good series and many bad files."""
    folder = tmp_path_factory.mktemp("bad")
    tilts = np.loadtxt(samples_dir() / "needle.tlt")
    stack = mrcfile.read(samples_dir() / "needle.mrc")[:, ::16].astype(np.float32)
    stack = np.pad(stack, ((0, 0), (0, 0), (8, 8)), mode="edge")

    def write(name: str, data: np.ndarray) -> None:
        with mrcfile.new(folder / name) as file:
            file.set_data(data)
            if data.ndim == 3:
                file.set_image_stack()

    write("S.mrc", stack)
    (folder / "S.tlt").write_text("".join(f"{tilt:g}\n" for tilt in tilts))
    spoilt = stack.copy()
    spoilt[3, 1, 2] = np.nan
    write("nans.mrc", spoilt)
    write("R.mrc", stack)
    write("huge.mrc", stack * np.float32(1e30))
    write("complex.mrc", stack.astype(np.complex64))
    (folder / "cut.mrc").write_bytes((folder / "S.mrc").read_bytes()[:5000])
    (folder / "short.tlt").write_text("0\n1\n")
    (folder / "words.tlt").write_text("up\ndown\n")
    (folder / "radians.tlt").write_text("".join(f"{tilt:.5f}\n" for tilt in np.radians(tilts)))
    for name in ("empty.mrc", "empty.tlt", "empty.csv"):
        (folder / name).touch()
    for suffix in ("mrc", "tif", "h5", "npy", "dm3", "xyz", "ckpt", "safetensors", "csv", "parquet"):
        (folder / f"text.{suffix}").write_text("this is no such file\n")
    block = np.zeros((20, 20, 20), np.float32)
    np.save(folder / "ones.npy", block + 1)
    block[6:14, 6:14, 6:14] = 1
    np.save(folder / "volume.npy", block)
    np.save(folder / "unsized.npy", block)
    write("unsized.mrc", block)
    np.save(folder / "deviation.npy", np.where(block > 0, np.nan, block))
    (folder / "other.json").write_text("{}\n")
    alignment = Alignment([1], 1, (4, 5), [0.0], "y", 0.0, [(0.0, 0.0)], [False], [1.0], (4, 5))
    (folder / "a.json").write_text(json.dumps(alignment.as_dict()))
    np.save(folder / "flat.npy", stack[0])
    np.save(folder / "words.npy", np.full((77, 4, 8), "a"))
    np.savez(folder / "good.npz", images=stack)
    with h5py.File(folder / "good.h5", "w") as file:
        file["images"] = stack
    recorded = Path(__file__).parents[2] / "experiments/beyond/guided/results.csv"
    pd.read_csv(recorded).to_parquet(folder / "good.parquet")
    (folder / "folder").mkdir()
    (folder / "damaged" / ".hydra").mkdir(parents=True)
    (folder / "damaged" / ".hydra" / "overrides.yaml").write_text("- [seed\n")
    return folder


@pytest.mark.parametrize(("command", "named"), [pytest.param(*row, id=row[0][:90]) for row in rows()])
def test_bad_input_is_one_sentence(command, named, place, monkeypatch, capfd):
    monkeypatch.chdir(place)
    monkeypatch.setenv("OMP_WAIT_POLICY", "passive")
    before = {path: path.stat().st_mtime_ns for path in place.rglob("*") if "log" not in path.parts and path.is_file()}
    program, *arguments = shlex.split(command)
    monkeypatch.setattr(sys, "argv", [program, *arguments])
    # Hydra composes all once more to see whether it is a sweep. None of these is, and it is half of their time.
    monkeypatch.setattr(Hydra, "get_mode", lambda *_, **__: RunMode.RUN)
    with pytest.raises(SystemExit) as end:
        importlib.import_module(MAINS[program]).main()
    message = capfd.readouterr().err
    *before_it, sentence = message.strip().splitlines() or [""]
    assert end.value.code == 2, message[-600:]
    if not message.lstrip().startswith("Usage"):  # typer's own way to say what it doesn't take
        assert sentence.startswith("error: "), message[-600:]
        assert all(line.startswith("warning: ") for line in before_it), message[-600:]
        assert len(sentence) < 1200
    assert named.lower() in message.lower(), message[-600:]
    assert "Traceback" not in message
    after = {path: path.stat().st_mtime_ns for path in place.rglob("*") if "log" not in path.parts and path.is_file()}
    left = {path for path in after if after[path] != before.get(path)}
    # A run folder notes who was refused there, beside what Hydra and Lightning's loggers begin with.
    notes = (".hydra", "csv", "tensorboard", "train.log", "begun", "record.json", ".begun.lock", ".t.lock")
    assert not [path for path in left if not set(notes) & set(path.parts)]
