"""What a user does, in one process: run by test_other_systems.py on an imitation of another system."""

import importlib
import os
import pkgutil
import signal
import sys
from pathlib import Path

import mwgan


def run(program, *arguments):
    """A program of ours to its end; an exit code but 0 ends this process with it."""
    sys.argv = [program, *arguments]
    print("$", *sys.argv, flush=True)
    try:
        importlib.import_module(f"mwgan.cli.{program}").main()
    except SystemExit as end:
        if end.code:
            raise


def imports(folder):
    """Every module there is, but the kernels of a GPU: Triton, which they are written in, comes with torch for CUDA."""
    for module in pkgutil.walk_packages(mwgan.__path__, "mwgan."):
        if module.name != "mwgan.operators.gpu_kernels":
            importlib.import_module(module.name)


def holds_and_writes(folder):
    """What the files, signals and processes of a run rest on."""
    from mwgan.callbacks.stop_signals import StopSignals
    from mwgan.errors import InputError
    from mwgan.files.atomic import atomic_folder, atomic_write, flush_folder
    from mwgan.runs import slurm, stages
    from mwgan.runs.folder import claimed, is_claimed

    with claimed(folder / "run"):
        assert is_claimed(folder / "run")
    assert not is_claimed(folder / "run")
    (folder / "new").mkdir()
    with atomic_folder(folder / "new") as partial:
        (partial / "a").write_text("±", encoding="utf-8")
    with atomic_write(folder / "new" / "a") as partial:
        partial.write_text("°", encoding="utf-8")
    flush_folder(folder / "new")
    with (folder / "new" / "a").open("rb"):  # held open, as by a viewer
        try:
            with atomic_write(folder / "new" / "a") as partial:
                partial.write_bytes(b"")
        except InputError as error:
            print(error)
        else:
            assert os.environ["SYSTEM"] != "like_windows"
    signals = StopSignals()
    signals.remember()
    signals.listen()
    signal.raise_signal(signal.SIGTERM)
    assert signals.received == signal.SIGTERM
    signals.leave()
    with slurm.requeued_on_signal():
        assert stages._run([sys.executable, "-S", "-c", "raise SystemExit(3)"]) == 3


def works(folder, series, tilts):
    """From a measured series and from nothing to tables, pictures and weights."""
    from mwgan.runs.options import quoted

    inputs = (str(series), "--tilts", str(tilts), "--axis-offset", "0.25", "--bin", "2")
    for _ in range(2):  # the second replaces what the first has written
        run("main", "reconstruct", *inputs, "--method", "wbp", "--output", str(folder / "needle.mrc"))
    game = ("debug=smoke", "model.generator.depth=2", "model.discriminator.width=4", "threads=1", "trainer.accelerator=cpu")
    run("train", *game, "data.workers=1", f"paths.root={quoted(folder)}", f"paths.run_dir={quoted(folder / 'run')}")
    run("train", f"resume={quoted(folder / 'run')}", "trainer.max_epochs=2", "data.workers=0")
    few = ("data.size=32", "step_deg=6", "images=2", "tuning_images=2", "methods.sart=null", "methods.tvm=null")
    for wedges in ("[60]", "[40,60]"):
        table = (f"table={quoted(folder / 'results')}", f"paths.root={quoted(folder)}", f"wedges_deg={wedges}")
        run("evaluate", *few, *table, f"checkpoints={{mine: {quoted(folder / 'run')}}}")
    run("figures", f"table={quoted(folder / 'results')}", f"paths.root={quoted(folder)}", "figures=[nrmse_by_wedge]")
    run("main", "weights", "export", str(folder / "run"), "--output", str(folder / "mine.safetensors"))
    run("main", "weights", "split", str(folder / "run"), "--output", str(folder / "pieces"))
    run("main", "weights", "join", str(folder / "pieces"), "--output", str(folder / "last.ckpt"))


def trains(folder):
    """With a worker process."""
    from mwgan.runs.options import quoted

    run(
        "train",
        "debug=smoke",
        "model=irdm_pixel",
        "model.generator.depth=2",
        "threads=1",
        "data.workers=1",
        f"paths.run_dir={quoted(folder / 'run')}",
    )


def programs(folder):
    """Every program once."""
    from mwgan.runs.options import quoted

    root = f"paths.root={quoted(folder)}"
    run("main", "--version")
    run("main", "weights", "list")
    run("train", "debug=smoke", "model=irdm_pixel", "model.generator.depth=2", "threads=1", root, f"paths.run_dir={quoted(folder / 'run')}")
    few = ("data.size=32", "step_deg=6", "images=2", "tuning_images=2", "methods.sart=null", "methods.tvm=null", "wedges_deg=[40,60]")
    run("evaluate", *few, root, f"table={quoted(folder / 'results')}", f"checkpoints={{mine: {quoted(folder / 'run')}}}")
    run("figures", root, f"table={quoted(folder / 'results')}", "figures=[nrmse_by_wedge]")


if __name__ == "__main__":
    actions, *paths = sys.argv[1:]
    for action in actions.split(","):
        globals()[action](*map(Path, paths))
    print("done")
