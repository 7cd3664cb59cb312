"""EMD of Velox, NCEM and tomviz, made here after their descriptions."""

import json
import math

import h5py
import numpy as np
import pytest

from mwgan.errors import InputError
from mwgan.io import open_series, open_stack

TILTS = (-40.0, -20.0, 0.0, 20.5, 40.0)


def velox(path, images, tilts, detectors=("0123abcd",)):
    with h5py.File(path, "w") as file:
        for detector in detectors:
            group = file.create_group(f"Data/Image/{detector}")
            group.create_dataset("Data", data=np.moveaxis(images, 0, 2), chunks=(*images.shape[1:], 1))
            columns = np.zeros((1000, len(images)), "u1")
            for frame, tilt in enumerate(tilts):
                message = {
                    "Stage": {"AlphaTilt": str(math.radians(tilt))},
                    "BinaryResult": {"PixelSize": {"width": "2e-09", "height": "1e-09"}, "PixelUnitX": "m"},
                }
                text = json.dumps(message).encode()
                columns[: len(text), frame] = list(text)
            group.create_dataset("Metadata", data=columns)
    return path


def ncem(path, images, dims, first=1, name="data"):
    with h5py.File(path, "w") as file:
        group = file.create_group("data/tomography")
        group.attrs["emd_group_type"] = 1
        group.create_dataset(name, data=images)
        for number, (places, label, units) in enumerate(dims, start=first):
            dim = group.create_dataset(f"dim{number}", data=np.asarray(places, float))
            dim.attrs["name"], dim.attrs["units"] = label, units
    return path


def test_velox_has_a_tilt_for_every_frame(counts, tmp_path):
    path = velox(tmp_path / "a.emd", counts, TILTS)
    series = open_series(path)
    np.testing.assert_allclose(series.geometry.tilt_deg, TILTS, atol=1e-5)
    assert series.pixel_sizes_angstrom == pytest.approx((10.0, 20.0))
    np.testing.assert_array_equal(series.sinograms(1, 2)[0, 0].numpy(), counts[:, 1])


def test_of_several_detectors_one_is_named(counts, tmp_path):
    path = velox(tmp_path / "a.emd", counts, TILTS, ("haadf", "bf"))
    with pytest.raises(InputError, match="2 arrays of images that fit: name one of /Data/Image/bf/Data"):
        open_stack(path)
    assert open_stack(path, "/Data/Image/haadf").images.shape == (5, 6, 9)


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("units", ["[deg]", "degrees", "[rad]"])
def test_ncem_and_tomviz_tell_tilts_by_the_places_along_an_axis(first, units, counts, tmp_path):
    tilts = np.radians(TILTS) if "rad" in units else TILTS
    dims = [(tilts, "angles", units), (np.arange(6) * 0.5, "y", "[n_m]"), (np.arange(9) * 0.25, "x", "[n_m]")]
    series = open_series(ncem(tmp_path / "a.emd", counts, dims, first))
    np.testing.assert_allclose(series.geometry.tilt_deg, TILTS, atol=1e-6)
    assert series.pixel_sizes_angstrom == pytest.approx((5.0, 2.5))
    np.testing.assert_array_equal(series.sinograms(1, 2)[0, 0].numpy(), counts[:, 1])


def test_the_tilts_may_come_last(counts, tmp_path):
    dims = [(np.arange(6), "y", "nm"), (np.arange(9), "x", "nm"), (TILTS, "tilt", "")]
    series = open_series(ncem(tmp_path / "a.emd", np.moveaxis(counts, 0, 2), dims))
    assert series.geometry.tilt_deg == TILTS
    np.testing.assert_array_equal(series.sinograms(1, 2)[0, 0].numpy(), counts[:, 1])


def test_without_angles_they_have_to_be_given(counts, tmp_path):
    dims = [(np.arange(5), "z", "nm"), (np.arange(6), "y", "nm"), (np.arange(9), "x", "nm")]
    path = ncem(tmp_path / "a.emd", counts, dims)
    assert open_stack(path).tilt_deg is None
    assert open_series(path, TILTS).geometry.tilt_deg == TILTS


def test_a_file_without_images_is_refused(tmp_path):
    with h5py.File(tmp_path / "a.emd", "w") as file:
        file["numbers"] = np.arange(3)
    with pytest.raises(InputError, match="holds no arrays of images"):
        open_stack(tmp_path / "a.emd")
    (tmp_path / "b.emd").write_bytes(b"no HDF5" * 1000)
    with pytest.raises(InputError, match=r"b\.emd can't be read as EMD"):
        open_stack(tmp_path / "b.emd")


def test_metadata_that_can_not_be_read_is_told(counts, tmp_path):
    path = velox(tmp_path / "a.emd", counts, TILTS)
    with h5py.File(path, "a") as file:
        file["Data/Image/0123abcd/Metadata"][:, 3] = 7
    with pytest.raises(InputError, match="metadata of image 4"):
        open_stack(path)
