"""Peak memory of ``mwgan reconstruct`` for volumes from 9 MB to 3 GB, measured from outside.

    python benchmarks/volume_memory.py

Writes the numbers and docs/pictures/volume_memory.png. Linux reports the peak memory of a process (VmHWM). A temporary folder needs
3.1 GB for the largest volume and its series, one at a time. Few tilts are enough, since the memory of slices is measured.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import mrcfile
import numpy as np
import torch
from machine import arguments, describe, provenance, write_csv

from mwgan.data import PhantomFaces
from mwgan.figures.parts.style import new_figure
from mwgan.geometry import TiltGeometry
from mwgan.operators import ParallelBeam

SIZE, BLOCK = 512, 8  # a slice is 1 MiB
SLICES = (9, 100, 1000, 3072)
TILTS = (-60.0, 0.0, 60.0)
METHOD = "wbp"
PICTURE = Path(__file__).resolve().parents[1] / "docs/pictures/volume_memory.png"


def main() -> None:
    parser = arguments("The most memory that mwgan reconstruct takes as volumes grow.", "volume_memory.csv")
    options = parser.parse_args()
    columns, rows = provenance(("mwgan", "torch", "numpy", "mrcfile")), []
    with tempfile.TemporaryDirectory() as name:
        write_series(Path(name), 1)
        reconstructed(Path(name))  # compiles the kernels, or loads them
        for slices in SLICES:
            write_series(Path(name), slices)
            peak, seconds, volume = reconstructed(Path(name))
            row = {"slices": slices, "size": SIZE, "tilts": len(TILTS), "method": METHOD, "block": BLOCK}
            rows.append({**row, "volume_mib": f"{volume:.1f}", "peak_mib": f"{peak:.0f}", "seconds": f"{seconds:.1f}", **columns})
            print(f"{slices:5} slices: a volume of {volume:7.1f} MiB, {peak:.0f} MiB at most, {seconds:.0f} s", flush=True)
    print(describe(columns))
    write_csv(options.csv, rows)
    draw([float(row["volume_mib"]) for row in rows], [float(row["peak_mib"]) for row in rows])


def write_series(folder: Path, slices: int) -> None:
    """``s.mrc`` and its tilts: one phantom face in every slice."""
    face = torch.from_numpy(PhantomFaces(SIZE, 1).image(0, np.random.default_rng(0)))[None, None]
    rows = ParallelBeam(TiltGeometry(TILTS, SIZE))(face)[0, 0].numpy()
    with mrcfile.new(folder / "s.mrc", np.repeat(rows[:, None], slices, axis=1), overwrite=True) as file:
        file.set_image_stack()
        file.voxel_size = 10.0
    (folder / "s.tlt").write_text("".join(f"{tilt}\n" for tilt in TILTS))


def reconstructed(folder: Path) -> tuple[float, float, float]:
    """Peak memory of the program in MiB, its time in seconds, and the size of its volume in MiB."""
    command = [sys.executable, "-m", "mwgan.cli.main", "reconstruct", "s.mrc", "--tilts", "s.tlt", "--method", METHOD]
    command += ["--block", str(BLOCK), "-o", "volume.mrc"]
    peak, started = 0.0, time.perf_counter()
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            peak = max(peak, peak_mib(process.pid))
            time.sleep(0.02)
        if process.returncode:
            raise RuntimeError(process.communicate()[1])
    volume = folder / "volume.mrc"
    size = volume.stat().st_size / 2**20
    volume.unlink()
    return peak, time.perf_counter() - started, size


def peak_mib(process: int) -> float:
    """Peak memory of a process so far; 0 once it has ended."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)


def draw(volumes: list[float], peaks: list[float]) -> None:
    """Peak memory against the volume's size, and that of a program with the volume in memory."""
    figure = new_figure(4.2, 2.8)
    axes = figure.add_subplot()
    sizes = np.geomspace(volumes[0], volumes[-1], 50)
    axes.plot(sizes, min(peaks) + sizes - volumes[0], "--", color="0.6", label="if it held the volume")
    axes.plot(volumes, peaks, "o-", label="mwgan reconstruct")
    axes.set(xscale="log", xlabel="volume / MiB", ylabel="most memory held / MiB", ylim=(0, 2.2 * max(peaks)))
    axes.legend(frameon=False)
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE, dpi=200)
    print(f"drawn: {PICTURE.name}")


if __name__ == "__main__":
    main()
