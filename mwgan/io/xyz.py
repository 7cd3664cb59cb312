"""Reads and writes atoms as .xyz files, also extended ones with further columns."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mwgan.errors import InputError

UNKNOWN = "X"
IN_ORDER = (
    "X H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag "
    "Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U "
    "Np Pu Am Cm Bk Cf Es Fm Md No Lr Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv Ts Og"
)
SYMBOLS = tuple(IN_ORDER.split())
"""By atomic number; 0 is an atom of unknown species."""
MOST_ATOMS = 1_000_000


class AtomsFile(NamedTuple):
    """The content of an .xyz file."""

    numbers: npt.NDArray[np.int64]
    """(K,) atomic numbers, 0 where the species is unknown."""
    positions: npt.NDArray[np.float64]
    """(K, 3) ångström: x, y, z as in the file."""


def atomic_number(symbol: str) -> int:
    """The atomic number for an element's symbol, or for a number as text.

    Raises
    ------
    InputError
        If there is no such element.
    """
    number = int(symbol) if symbol.isdecimal() else SYMBOLS.index(symbol.capitalize()) if symbol.capitalize() in SYMBOLS else -1
    if not 0 <= number < len(SYMBOLS):
        raise InputError(f"there is no element {symbol!r}: give a symbol such as Au")
    return number


def read_xyz(path: str | Path) -> AtomsFile:
    """Species and positions of an .xyz file (plain or extended), its first frame.

    Raises
    ------
    InputError
        If it can't be read, or a line isn't an atom.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} can't be read as atoms ({error}): give an .xyz file") from error
    first = lines[0].strip() if lines else ""
    if not first.isdecimal() or len(first) > len(str(MOST_ATOMS)) or not 0 < int(first) <= len(lines) - 2:
        raise InputError(f"{path} is no .xyz file: its first line is the number of atoms, and a line for each follows the second one")
    rows = [line.split() for line in lines[2 : 2 + int(first)]]
    try:
        positions = np.array([[float(one) for one in row[1:4]] for row in rows], np.float64)
    except ValueError as error:
        raise InputError(f"a line of {path} is not an atom ({error}): give a symbol and x, y, z in ångström") from error
    if positions.shape != (len(rows), 3) or not np.isfinite(positions).all():
        raise InputError(f"a line of {path} is not an atom: give a symbol and finite x, y, z in ångström")
    return AtomsFile(np.array([atomic_number(row[0]) for row in rows], np.int64), positions)


def write_xyz(
    path: Path,
    numbers: Sequence[int] | npt.NDArray[np.int64],
    positions: npt.NDArray[np.float64],
    columns: Mapping[str, npt.NDArray[np.float64]] | None = None,
    facts: Mapping[str, str | float | int] | None = None,
) -> None:
    """Write atoms as extended .xyz.

    Parameters
    ----------
    path
        The file.
    numbers, positions
        (K,) atomic numbers and (K, 3) ångström.
    columns
        Further ones (K,) or (K, C) by name.
    facts
        Written into the second line, ``name=value``.
    """
    further = {name: np.asarray(one, np.float64).reshape(len(positions), -1) for name, one in (columns or {}).items()}
    properties = ":".join(["species:S:1:pos:R:3", *(f"{name}:R:{one.shape[1]}" for name, one in further.items())])
    header = [f"Properties={properties}", *(f"{name}={_value(one)}" for name, one in (facts or {}).items()), 'pbc="F F F"']
    table = np.concatenate([np.asarray(positions, np.float64).reshape(-1, 3), *further.values()], axis=1)
    lines = [str(len(table)), " ".join(header)]
    for number, row in zip(numbers, table, strict=True):
        lines.append(f"{SYMBOLS[int(number)]:<2} " + " ".join(f"{one:.5f}" if math.isfinite(one) else "nan" for one in row))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def _value(value: str | float | int) -> str:
    return json.dumps(value) if isinstance(value, str) else f"{value:.6g}"
