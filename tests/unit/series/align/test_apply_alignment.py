"""Maps of the same tilts, brought to where an alignment brought the images."""

import numpy as np
import pytest

from mwgan.errors import InputError
from mwgan.io import open_series
from mwgan.series.align import Alignment, applied_files, apply_alignment

ALIGNMENT = Alignment(
    [3, 1], 3, (8, 12), [-10.0, 20.0], "y", 0.0, [(1.0, 0.0), (0.0, 2.0)], [False, False], [2.0, 0.5], (6, 12), (0.0, 0.0)
)
MAPS = np.random.default_rng(0).normal(2, 1, (3, 8, 12)).astype(np.float32)


def test_a_map_is_shifted_and_cut_as_the_images_and_keeps_its_counts(tmp_path):
    np.save(tmp_path / "Fe.npy", MAPS)
    apply_alignment(ALIGNMENT, [tmp_path / "Fe.npy"])
    series = open_series(tmp_path / "Fe_ali.mrc")
    assert series.image_tilt_deg.tolist() == [-10.0, 20.0]
    first, second = np.asarray(series.images)
    assert first == pytest.approx(MAPS[2, 2:8], abs=1e-4)
    assert second[:, :10] == pytest.approx(MAPS[0, 1:7, 2:], abs=1e-4)
    assert (second[:, 10:] == 0).all()


def test_a_map_of_another_size_is_refused_and_none_is_written(tmp_path):
    np.save(tmp_path / "Fe.npy", MAPS)
    np.save(tmp_path / "Co.npy", MAPS[:2])
    with pytest.raises(InputError, match="give images of the same tilts and size"):
        apply_alignment(ALIGNMENT, [tmp_path / "Fe.npy", tmp_path / "Co.npy"])
    assert sorted(file.name for file in tmp_path.iterdir()) == ["Co.npy", "Fe.npy"]


def test_names_are_told_by_the_maps(tmp_path):
    assert applied_files([tmp_path / "Fe.mrc.gz"], tmp_path / "out") == [(tmp_path / "out/Fe_ali.mrc", tmp_path / "out/Fe_ali.tlt")]
