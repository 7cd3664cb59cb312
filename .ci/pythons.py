"""The oldest and the newest Python that mwgan supports and this machine has: install there, import everything, run tests and programs.

    python .ci/pythons.py [--whole] [--lowest] [3.11 …]

Or those that are named. Each gets an environment of its own, removed at the end. Where torch can't be had, or only with gigabytes of
CUDA (which ``--whole`` takes), what needs no torch is tried instead. With ``--lowest`` every dependency is as old as pyproject.toml
allows, but torch, which stays where constraints.txt has it. The last lines say what was tried on which Python.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
INSTALL_S, TRIAL_S = 1200, 1200
CONSTRAINED = ("-m", "pip", "install", "--quiet", "--no-cache-dir", "--constraint", str(ROOT / "constraints.txt"))
TESTS = (
    *("tests/test_imports.py", "tests/test_portable_source.py", "tests/unit/test_locks.py", "tests/unit/test_quoted_paths.py"),
    *("tests/unit/test_portable_files.py", "tests/unit/test_geometry.py", "tests/unit/test_parallel_beam.py", "tests/unit/test_learned.py"),
    *("tests/unit/test_results.py", "tests/unit/test_datamodules.py", "tests/e2e/test_other_systems.py"),
)
WITHOUT_TORCH = ("pytest", "filelock", "numpy", "pandas", "pyarrow", "hydra-core", "typer", "rich", "matplotlib", "scipy", "pyyaml")
TORCH_FREE = ("tests/test_portable_source.py", "tests/unit/test_locks.py")
IMPORTS = """
import importlib, pkgutil, sys, mwgan
done = without = 0
for module in pkgutil.walk_packages(mwgan.__path__, "mwgan."):
    try:
        importlib.import_module(module.name)
        done += 1
    except ModuleNotFoundError as error:
        if "torch" in sys.argv or str(error.name).startswith("mwgan"):
            raise
        without += 1
print(f"{done} modules imported, {without} need what isn't installed")
"""
GAME = ("debug=smoke", "model.generator.depth=2", "model.discriminator.width=4", "threads=1", "paths.run_dir=run")
TABLE = ("data.size=32", "step_deg=6", "images=2", "tuning_images=2", "wedges_deg=[60]", "methods.tvm=null", "checkpoints={mine: run}")
PROGRAMS = (
    ("mwgan.cli.main", "--version"),
    ("mwgan.cli.train", *GAME),
    ("mwgan.cli.train", "resume=run", "trainer.max_epochs=2", "data.workers=1"),
    ("mwgan.cli.evaluate", *TABLE),
)


def supported() -> tuple[int, int]:
    """The oldest Python 3.x, and the first that is too new."""
    found = re.search(r'requires-python = ">=3\.(\d+),<3\.(\d+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert found is not None
    return int(found[1]), int(found[2])


def interpreters() -> dict[int, str]:
    """The interpreters of this machine, by their minor version."""
    low, high = supported()
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found: dict[int, str] = {}
    for minor in range(low, high):
        for name in (*sorted(map(str, versions.glob(f"3.{minor}.*/bin/python")), reverse=True), shutil.which(f"python3.{minor}")):
            if (
                name is not None
                and subprocess.run([name, "-c", "import venv, ensurepip"], capture_output=True, check=False).returncode == 0
            ):
                found.setdefault(minor, name)
    return found


def run(*command: str | Path, cwd: Path = ROOT, limit_s: int = TRIAL_S, **environment: str) -> None:
    subprocess.run([str(part) for part in command], cwd=cwd, env={**os.environ, **environment}, check=True, timeout=limit_s)


def brings_cuda(python: Path) -> bool:
    """Whether pip would install a torch for GPUs, whose libraries take gigabytes; also where it doesn't say what it would."""
    command = [str(python), *CONSTRAINED, "--dry-run", "--report", "-", "torch"]
    told = subprocess.run(command, capture_output=True, text=True, check=False, timeout=INSTALL_S)
    return told.returncode != 0 or "nvidia" in told.stdout.lower()


def oldest(python: Path, folder: Path) -> Path:
    """Requirements with the oldest versions that pyproject.toml allows, as uv finds them; torch is not among them."""
    run(python, "-m", "pip", "install", "--quiet", "--no-cache-dir", "uv")
    found = folder / "oldest.txt"
    options = ("--resolution", "lowest-direct", "--no-annotate", "--no-header", "--no-emit-index-url", "--no-emit-find-links")
    run(python, "-m", "uv", "pip", "compile", "--quiet", *options, ROOT / "pyproject.toml", "--output-file", found, limit_s=INSTALL_S)
    kept = [line for line in found.read_text(encoding="utf-8").splitlines() if not line.startswith(("torch==", "nvidia", "cuda", "triton"))]
    found.write_text("\n".join(kept) + "\n", encoding="utf-8")
    return found


def try_on(interpreter: str, whole: bool, lowest: bool) -> str:
    """Everything on one interpreter; what was tried, in words."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        run(interpreter, "-m", "venv", folder / "venv")
        python = folder / "venv" / "bin" / "python"
        run(python, "-m", "compileall", "-q", ROOT / "mwgan")
        if not whole and brings_cuda(python):
            run(python, *CONSTRAINED, *WITHOUT_TORCH)
            run(python, "-c", IMPORTS, cwd=folder, PYTHONPATH=str(ROOT))
            run(python, "-m", "pytest", "-p", "no:cacheprovider", "--noconftest", *TORCH_FREE, PYTHONPATH=str(ROOT))
            return "compiled; imported and tested what needs no torch, which comes with CUDA alone here"
        run(python, *CONSTRAINED, "torch", limit_s=INSTALL_S)
        if lowest:
            run(python, "-m", "pip", "install", "--quiet", "--no-cache-dir", "--requirement", oldest(python, folder), limit_s=INSTALL_S)
            run(python, "-m", "pip", "install", "--quiet", "--no-cache-dir", str(ROOT), "pytest", "hypothesis", limit_s=INSTALL_S)
        else:
            run(python, *CONSTRAINED, str(ROOT), "pytest", "hypothesis", limit_s=INSTALL_S)
        run(python, "-c", IMPORTS, "torch", cwd=folder)
        for module, *options in PROGRAMS:
            run(python, "-m", module, *options, cwd=folder, OMP_NUM_THREADS="1")
        run(python, "-m", "pytest", "-p", "no:cacheprovider", "-m", "not slow", *TESTS, PYTHONPATH=str(ROOT))
        done = "every module imported; trained, resumed and evaluated; tested in part"
        return f"installed{' with the oldest dependencies' if lowest else ''}; {done}"


def main() -> None:
    low, high = supported()
    found = interpreters()
    named = {minor for minor in found if f"3.{minor}" in sys.argv}
    chosen = {minor: found[minor] for minor in sorted(named or ({min(found), max(found)} if found else ()))}
    said = {minor: try_on(interpreter, "--whole" in sys.argv, "--lowest" in sys.argv) for minor, interpreter in chosen.items()}
    print(f"supported: Python 3.{low} to 3.{high - 1}; to be had here: {', '.join(f'3.{minor}' for minor in found) or 'none'}")
    for minor, what in said.items():
        print(f"Python 3.{minor} ({chosen[minor]}): {what}")


if __name__ == "__main__":
    sys.exit(main())
