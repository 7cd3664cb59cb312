"""Series with exactly known truth and one fault each, made by scripts that lie beside the checkout: what each states as right."""

from __future__ import annotations

import os
import subprocess
import sys

import mrcfile
import numpy as np
import pytest
from typer.testing import CliRunner

from mwgan.cli.main import app
from mwgan.paths import PACKAGE

SCRIPTS = PACKAGE.parent.parent / "shared" / "field"
ALIKE = 0.02


@pytest.fixture
def made(tmp_path):
    def make(name):
        script = SCRIPTS / f"{name}.py"
        if not script.exists():
            pytest.skip(f"{script} is not there: the scripts lie beside the checkout, not in it")
        subprocess.run([sys.executable, script, tmp_path], check=True, env={**os.environ, "PYTHONPATH": str(SCRIPTS)})
        return tmp_path

    return make


def said(*words):
    """The exit code must be 0; what is printed and warned of."""
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    return result.output


def reconstructed(folder, series="series.mrc", tilts="series.tlt", *more, iterations=60):
    """What is said, and the relative error by SIRT."""
    output = folder / f"of_{series}"
    told = said(
        "reconstruct", folder / series, "--tilts", folder / tilts, "--method", "sirt", "--iterations", iterations, "-o", output, *more
    )
    truth = mrcfile.read(folder / "truth.mrc")
    return told, float(np.linalg.norm(mrcfile.read(output) - truth) / np.linalg.norm(truth))


def test_bright_field(made):
    folder = made("bright_field")
    told, error = reconstructed(folder)
    assert "warning: the images look like bright field" in told
    assert error == pytest.approx(reconstructed(folder, "inverted.mrc")[1], abs=ALIKE)


@pytest.mark.parametrize("name", ["bytes_signed_imod", "bytes_unsigned"])
def test_bytes(name, made):
    folder = made(name)
    assert reconstructed(folder)[1] == pytest.approx(reconstructed(folder, "series_int16.mrc")[1], abs=0.005)


def test_a_constant_background(made):
    folder = made("constant_background")
    right = reconstructed(folder, "none.mrc")[1]
    for percent in (10, 30):
        told, error = reconstructed(folder, f"background{percent}.mrc")
        assert "taken off all pixels" in told
        assert error == pytest.approx(right, abs=ALIKE)


def test_dark_images(made):
    folder = made("dark_images")
    told, error = reconstructed(folder)
    assert "images 4, 18 and 31 hold one value alone" in told
    assert error == pytest.approx(reconstructed(folder, "left_out.mrc", "left_out.tlt")[1], abs=0.01)


def test_the_order_of_images(made):
    folder = made("order_of_images")
    assert "warning: images that are neighbours in tilt don't look alike" in reconstructed(folder, "series.mrc", "sorted.tlt")[0]
    told, error = reconstructed(folder, "series.mrc", "exposure.tlt", iterations=100)
    assert "warning" not in told
    assert error < 0.25


def test_a_single_row(made):
    folder = made("single_row")
    told, error = reconstructed(folder, iterations=100)
    assert "warning" not in told
    assert error < 0.25
    one = said("info", folder / "one_image.mrc", "--tilts", folder / "one_image.tlt")
    assert "1 tilt can't tell what a slice looks like" in one


def test_a_tilt_axis_along_x(made):
    folder = made("tilt_axis_along_x")
    told, error = reconstructed(folder)
    assert "warning: the tilt axis seems to run along x" in told
    assert error == pytest.approx(reconstructed(folder, "series.mrc", "series.tlt", "--tilt-axis", "x")[1], abs=ALIKE)


def test_lists_of_tilts(made):
    folder = made("tilt_lists")
    for listed in sorted([*folder.glob("*.txt"), *folder.glob("*.mdoc")]):
        series = "bidirectional.mrc" if listed.stem == "bidirectional" else "series.mrc"
        assert "tilts -60 to 60 degrees; 60 degrees missing" in said("info", folder / series, "--tilts", listed)


def test_tilts_in_radians(made):
    folder = made("tilts_in_radians")
    for command in (("info",), ("reconstruct", "--method", "sirt", "--iterations", 2, "-o", folder / "v.mrc")):
        assert "are these radians?" in said(command[0], folder / "series.mrc", "--tilts", folder / "radians.tlt", *command[1:])


def test_voxels_that_are_no_cubes(made):
    folder = made("voxels_not_cubic")
    for series in ("series.mrc", "no_size.mrc"):
        told = said("reconstruct", folder / series, "--tilts", folder / "series.tlt", "--method", "wbp", "-o", folder / f"of_{series}")
        assert ("unknown size" if series == "no_size.mrc" else "5 x 10 x 10") in told
    with mrcfile.open(folder / "of_series.mrc") as volume:
        size = volume.voxel_size
        assert (float(size.x), float(size.y), float(size.z)) == pytest.approx((10.0, 10.0, 5.0))
