"""Writes atoms (.xyz), a record (.json) and a picture (.png): all three or none."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mwgan.atoms.found import FoundAtoms
from mwgan.errors import InputError
from mwgan.files.atomic import AtomicFiles
from mwgan.io.xyz import SYMBOLS, UNKNOWN, write_xyz
from mwgan.series.record import check_record, made_by, plain

SUFFIX = ".xyz"


def atoms_files(output: Path) -> tuple[Path, Path, Path]:
    """Atoms, record and picture.

    Raises
    ------
    InputError
        If the name is none of an .xyz file.
    """
    if output.suffix.lower() != SUFFIX:
        raise InputError(f"atoms are written as .xyz: give {output} a name that ends in {SUFFIX}")
    return output, output.with_suffix(".json"), output.with_suffix(".png")


def check_atoms_files(output: Path) -> None:
    """Raise an :class:`InputError` if the record would take the place of something else."""
    check_record(atoms_files(output)[1], output, "the atoms")


def write_atoms(found: FoundAtoms, output: Path, options: Mapping[str, Any], notes: Sequence[str], warnings: Sequence[str]) -> None:
    """Write atoms, record and picture.

    Parameters
    ----------
    found
        The atoms.
    output
        See :func:`atoms_files`.
    options
        Of the command, for the record.
    notes, warnings
        Sentences about the series.

    Raises
    ------
    InputError
        If a file can't be replaced, or the record would take the place of something else.
    """
    from mwgan.figures.atoms import atoms_figure

    check_atoms_files(output)
    errors = found.uncertainties
    relative = found.masses / max(float(found.species.means.max()), 1e-30)
    of_mass = np.full(len(relative), np.nan) if found.floor is None else found.floor.masses * np.sqrt(found.misfit)
    columns = {
        "error": errors,
        "mass": relative,
        "mass_error": of_mass / max(float(found.species.means.max()), 1e-30),
        "certainty": found.species.certainty(found.masses),
    }
    with AtomicFiles() as files:
        atoms, record, picture = (files.add(path) for path in atoms_files(output))
        write_xyz(atoms, found.numbers, found.positions_in_volume, columns, {"pixel_angstrom": found.pixel_angstrom})
        figure = atoms_figure(found.positions, found.groups, names_of(found), errors, relative, found.by_tilt)
        figure.savefig(picture, format="png", dpi=160)
        facts = {
            **made_by(options),
            **summary(found),
            "misfit_by_tilt": found.by_tilt,
            "shifts_angstrom": found.model.shifts.numpy() * found.pixel_angstrom,
            "turns_deg": found.model.turns_deg.numpy(),
            "notes": list(notes),
            "warnings": list(warnings),
        }
        record.write_text(json.dumps(plain(facts), indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def names_of(found: FoundAtoms) -> list[str]:
    """What each species is called, from light to heavy."""
    symbols = [SYMBOLS[number] for number in found.species.numbers]
    return symbols if len(symbols) < 2 or UNKNOWN not in symbols else [f"species {place + 1}" for place in range(len(symbols))]


def summary(found: FoundAtoms) -> dict[str, Any]:
    """The main numbers."""
    errors = found.uncertainties
    counted = np.bincount(found.groups, minlength=len(found.species.means))
    return {
        "atoms": len(found.masses),
        "species": [
            {"name": name, "atoms": int(count), "mass": float(mean), "spread": float(spread)}
            for name, count, mean, spread in zip(names_of(found), counted, found.species.means, found.species.spreads, strict=True)
        ],
        "pixel_angstrom": found.pixel_angstrom,
        "width_angstrom": found.width_angstrom,
        "misfit": found.misfit,
        "noise": found.noise.sigma,
        "counts": found.noise.counts,
        "floor_pm": {axis: float(100 * np.sqrt(np.mean(errors[:, place] ** 2))) for place, axis in enumerate("xyz")},
        "floor_counts_overlaps": None if found.floor is None else found.floor.overlaps,
    }


def sentences(found: FoundAtoms) -> list[str]:
    """The main numbers in sentences."""
    facts = summary(found)
    species = ", ".join(f"{one['atoms']} {one['name']}" for one in facts["species"]) if len(facts["species"]) > 1 else ""
    lines = [f"{facts['atoms']} atoms{f' ({species})' if species else ''}"]
    if found.floor is None:
        return [*lines, "not refined: no uncertainties"]
    floor = facts["floor_pm"]
    alone = "" if found.floor.overlaps else ", overlaps not counted"
    lines[0] += f", each a Gaussian of {facts['width_angstrom']:.3f} Å"
    lines.append(
        f"no method can locate an atom better than {floor['x']:.1f}, {floor['y']:.1f}, {floor['z']:.1f} pm in x, y, z (mean{alone})"
    )
    of = "counting noise" if found.noise.counts else "white noise"
    lines.append(f"residual of the images: {np.sqrt(found.misfit):.2f} times their {of}")
    return lines
