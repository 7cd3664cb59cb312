"""Atoms on disk."""

from __future__ import annotations

import numpy as np
import pytest

from mwgan.errors import InputError
from mwgan.io.xyz import atomic_number, read_xyz, write_xyz


def test_what_is_written_is_read_again(tmp_path):
    positions = np.array([[0.0, 1.5, -2.25], [3.0, 4.0, 5.0]])
    write_xyz(tmp_path / "a.xyz", [79, 0], positions, {"error": np.ones((2, 3)), "mass": np.array([1.0, np.nan])}, {"made by": "a b"})
    found = read_xyz(tmp_path / "a.xyz")
    assert found.numbers.tolist() == [79, 0]
    np.testing.assert_allclose(found.positions, positions)
    lines = (tmp_path / "a.xyz").read_text().splitlines()
    assert "Properties=species:S:1:pos:R:3:error:R:3:mass:R:1" in lines[1]
    assert lines[3].split() == ["X", "3.00000", "4.00000", "5.00000", "1.00000", "1.00000", "1.00000", "nan"]


def test_ase_reads_it(tmp_path):
    io = pytest.importorskip("ase.io", reason="whether ase reads it")
    write_xyz(tmp_path / "a.xyz", [79, 47], np.eye(3)[:2], {"mass": np.array([1.0, 0.5])}, {"kind": "a cube"})
    atoms = io.read(tmp_path / "a.xyz")
    assert atoms.get_chemical_symbols() == ["Au", "Ag"]
    np.testing.assert_allclose(atoms.arrays["mass"], [1.0, 0.5])


@pytest.mark.parametrize(
    "text", ["", "two\n\nAu 0 0 0", "3\n\nAu 0 0 0\nAu 1 1 1", "1\n\nAu 0 0", "1\n\nAu 0 0 x", "1\n\nAu 0 0 nan", "1\n\nQq 0 0 0", "0\n\n"]
)
def test_what_is_no_file_of_atoms_is_refused(tmp_path, text):
    (tmp_path / "a.xyz").write_text(text)
    with pytest.raises(InputError):
        read_xyz(tmp_path / "a.xyz")


def test_elements_are_known_by_symbol_and_number():
    assert [atomic_number(one) for one in ("Au", "au", "14", "X")] == [79, 79, 14, 0]
    with pytest.raises(InputError, match="no element 'Qq'"):
        atomic_number("Qq")
    with pytest.raises(InputError, match="no element '119'"):
        atomic_number("119")
