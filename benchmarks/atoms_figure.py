"""IRDM 2020, Fig. 5: the 440 spots of gold in the missing wedge by WBP, SIRT, networks and refined atoms; and what each makes up.

    python benchmarks/atoms_figure.py --folder outputs/aet                # minutes: one crystal and four null tests
    python benchmarks/atoms_figure.py --folder outputs/aet --scale full   # larger crystals, three more orientations of each

A gold crystal whose 440 planes lie across the beam, atoms 0.4 Å wide, 40 degrees missing as in the paper, 2 % of noise; and the same of
particles that have no such spots, more vacancies, another lattice or a twin.
"""

from __future__ import annotations

import csv
import time
from dataclasses import replace
from pathlib import Path

import atoms
import numpy as np
import torch
from atoms import Setting, compare, disorderly, gold, measured, other_lattice, perforated, shifted, shown, twin
from machine import arguments, provenance, write_csv

from mwgan.atoms.matching import match_atoms
from mwgan.atoms.reflections import family
from mwgan.atoms.series import AtomOptions, find_atoms
from mwgan.errors import InputError
from mwgan.figures.crystal import Spot, crystal_figure

# Of the smaller frame's 64 pixels because the shipped network of the paper takes no larger slices.
atoms.DIAMETERS |= {"figure smoke": 19.0, "figure full": 22.9}  # 201 and 314 sites
atoms.SIZES |= {"figure smoke": 64, "figure full": 80}
atoms.VOXELS |= {"figure smoke": 0.32, "figure full": 0.32}
atoms.METHODS |= {
    "irdm": AtomOptions("irdm", sharpen=False, refined=False),
    "slices": AtomOptions("lpd", sharpen=False, refined=False),
    "neighbours": AtomOptions("lpd_guided", sharpen=False, refined=False),
}
LABELS = {
    "wbp": "WBP",
    "sirt": "SIRT",
    "irdm": "IRDM, slice by slice",
    "slices": "learned primal–dual",
    "neighbours": "the same, 2.5-D",
    "network": "network of atoms",
    "network_alone": "its atoms, refined",
    "sharpened_refined": "atoms, refined",
}
ROOT = np.sqrt(0.5)
ALONG_BEAM = np.array([[ROOT, 0, ROOT], [0, 1, 0], [-ROOT, 0, ROOT]])  # [001] along the tilt axis, [110] along the beam
SETTINGS = [
    Setting("gold", 0.4, 40, 2, gold),
    Setting("null: amorphous", 0.4, 40, 2, disorderly),
    Setting("null: vacancies", 0.4, 40, 2, perforated),
    Setting("null: lattice", 0.4, 40, 2, other_lattice),
    Setting("null: twin", 0.4, 40, 2, twin),
]


def spots(particle, low: float, high: float) -> list[Spot]:
    """The 440 reflections in the plane of the central projection's spectrum."""
    waves = family((4, 4, 0), particle.cell)
    flat = [(x, z) for x, y, z in np.concatenate([waves, -waves]) if abs(y) < 0.01]
    angles = [(np.rad2deg(np.arctan2(-z, x)) + 90) % 180 - 90 for x, z in flat]
    return [Spot(x, z, not low < angle < high) for (x, z), angle in zip(flat, angles, strict=True)]


def main() -> None:
    parser = arguments("Figure 5 of IRDM 2020.", "")
    parser.add_argument("--scale", choices=("smoke", "full"), default="smoke")
    parser.add_argument("--folder", type=Path, default=Path("outputs/aet"), help="where figure and table go")
    parser.add_argument(
        "--gold", type=Path, help="run folder of experiment=atoms/slices_gan: a network trained on gold crystals, for one more row"
    )
    parser.add_argument("--methods", default=",".join(LABELS))
    options = parser.parse_args()
    if options.gold is not None:
        atoms.METHODS["gold"] = AtomOptions(str(options.gold), sharpen=False, refined=False)
        LABELS["gold"] = "IRDM, trained on gold"
        options.methods = options.methods.replace("irdm", "irdm,gold")
    torch.set_num_threads(options.threads)
    table = options.folder / "crystals.csv"
    rows = list(csv.DictReader(table.open())) if table.exists() else []
    done = {(row["setting"], row["orientation"], row["method"]) for row in rows}
    for number in range(1 if options.scale == "smoke" else 4):
        orientation = "along the beam" if number == 0 else f"random {number}"
        for setting in SETTINGS:
            series = measured(setting, number, f"figure {options.scale}", ALONG_BEAM if number == 0 else None)
            volumes, said = {"truth": series.particle.volume(*[series.slices] * 2, series.voxel, setting.sigma)}, {}
            drawn = number == 0 and setting is SETTINGS[0]
            for method in options.methods.split(","):
                if (setting.name, orientation, method) in done and not drawn:
                    continue
                started = time.process_time()
                try:
                    found = find_atoms(series, replace(atoms.METHODS[method], species=(79,)))
                except InputError as error:
                    print(setting.name, orientation, method, error, flush=True)
                    continue
                seconds = round(time.process_time() - started, 1)
                compared = compare(setting, series, found, method)
                rounded = {name: float(f"{value:.5g}") if isinstance(value, float) else value for name, value in compared.items()}
                key = {"scale": options.scale, "setting": setting.name, "orientation": orientation, "method": method}
                if (setting.name, orientation, method) not in done:
                    rows.append({**key, **rounded, "cpu_seconds": seconds, **provenance(("torch", "ase", "mwgan"))})
                    write_csv(table, rows)
                print(*key.values(), f"{compared['440_restored_inside']} of {compared['440_inside']}", seconds, flush=True)
                volume = shown(setting, series, found, method)
                if found.floor is not None:
                    shift = match_atoms(found.positions, series.particle.positions).shift_angstrom
                    volume = shifted(volume, -np.array(shift) / series.voxel)
                volumes[LABELS[method]] = volume
                said[LABELS[method]] = (
                    f"440 restored: {compared['440_restored_inside']} of {compared['440_inside']} missing, "
                    f"{compared['440_restored_outside']} of {compared['440_outside']} measured"
                )
            if drawn:
                low, high = (
                    edge + side * atoms.STEP / 2
                    for edge, side in zip(series.geometry.tilt_deg[:: series.geometry.tilts - 1], (-1, 1), strict=True)
                )
                figure = crystal_figure(volumes, series.voxel, (low, high), spots(series.particle, low, high), said)
                figure.savefig(options.folder / "crystal.png", dpi=160)


if __name__ == "__main__":
    main()
