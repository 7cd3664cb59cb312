"""Series as microscopes wrote them, read with the numbers that are known of them."""

from pathlib import Path

import numpy as np
import pytest

from mwgan.io import open_series, read_tilts
from mwgan.paths import PACKAGE

DATA = PACKAGE.parent.parent / "shared" / "data"


def measured(name: str) -> Path:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"{path} is not there: measured data to test on lie beside the checkout, not in it")
    return path


def test_a_series_as_fei_wrote_it():
    path = measured("haadf_needle/raw.mrc")
    series = open_series(path)  # int16 with an offset, no identification, an extended header of 128 KiB
    assert series.geometry.tilt_deg == tuple(np.arange(-76.0, 77.0, 2.0)) == tuple(read_tilts(path.with_suffix(".rawtlt")))
    assert series.images.shape == (77, 256, 256)
    assert series.pixel_sizes_angstrom == (33.6, 33.6)
    values = np.asarray(series.images[:], dtype=float)
    assert (values.min(), values.max()) == (860.0, 65093.0)  # the header's -31908 and 32325
    assert values.mean() == pytest.approx(32768 - 27648.408, abs=0.01)


def test_the_same_aligned():
    path = measured("haadf_needle/aligned.mrc")
    series = open_series(path, path.with_suffix(".tlt"), tilt_axis="x")
    assert (series.slices, series.geometry.detector_size, series.geometry.tilts) == (208, 128, 77)
    assert series.voxel_sizes_angstrom == pytest.approx((33.6,) * 3, rel=1e-3)
    mass = series.sinograms(128, 129)[0, 0].sum(dim=1)
    assert float(mass.std() / mass.mean()) < 0.02  # the projections of one slice, which they are along x alone
    assert series.warnings == []


def test_a_stack_of_digitalmicrograph():
    pytest.importorskip("rsciio", reason="DM3 needs rosettasciio")
    series = open_series(measured("haadf_dm3/HAADF.dm3"))
    assert series.images.shape == (91, 64, 64)
    assert series.geometry.tilt_deg == tuple(np.arange(-90.0, 91.0, 2.0))
    assert series.pixel_sizes_angstrom == pytest.approx((179.949,) * 2, rel=1e-5)


def test_a_stack_of_serialem_with_its_mdoc():
    series = open_series(measured("serialem/test_000.mrc"))  # two exposures of one tilt
    assert series.images.shape == (2, 1024, 1024)
    assert series.geometry.tilt_deg == (-0.000488, -0.000488)
    assert series.pixel_sizes_angstrom == pytest.approx((7.88, 7.88), rel=1e-5)
    assert (series.images[0].min(), series.images[0].max()) == (2310, 10435)  # as the mdoc has it
    assert series.warnings


def test_a_tomography_of_x_rays():
    series = open_series(measured("tooth/tooth.h5"))
    assert series.images.shape == (181, 2, 640)
    assert series.geometry.tilts == 181
    assert series.geometry.gap_deg == pytest.approx(180 / 181)
    assert series.image_flipped.sum() == 90


def test_counts_in_a_matlab_file():
    path = measured("aet_si208/aSi_2nmFosCetr_Dose1p6e4_cov35pm_ForBM3D.mat")
    series = open_series(path, "0:177:3", tilt_axis="x")
    assert series.images.shape == (60, 128, 128)
    mass = series.sinograms(0, 128).sum(dim=(0, 1, 3))
    assert float(mass.std() / mass.mean()) < 0.05
