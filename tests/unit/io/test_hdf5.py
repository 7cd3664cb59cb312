import h5py
import numpy as np
import pytest

from mwgan.errors import InputError
from mwgan.io import open_series, open_stack
from mwgan.io.lazy import mapping

TILTS = (-40.0, -20.0, 0.0, 20.0, 40.0)


def write(path, units=None, **arrays):
    with h5py.File(path, "w") as file:
        for name, (content, *options) in arrays.items():
            dataset = file.create_dataset(name.replace("__", "/"), data=content, **(options[0] if options else {}))
            if units and not name.startswith("data"):
                dataset.attrs["units"] = units
    return path


@pytest.mark.parametrize("options", [{}, {"chunks": (1, 6, 9), "compression": "gzip"}, {"chunks": (2, 3, 4)}])
def test_the_only_array_of_three_axes_with_the_angles_beside_it(options, counts, tmp_path):
    path = write(tmp_path / "a.h5", data=(counts, options), theta=(TILTS,), dark=(np.zeros((6, 9)),))
    series = open_series(path)
    assert series.geometry.tilt_deg == TILTS
    np.testing.assert_array_equal(series.sinograms(2, 3)[0, 0].numpy(), counts[:, 2])
    assert (mapping(series.images) is not None) == (not options)
    assert series.voxel_sizes_angstrom is None


def test_of_several_the_one_that_has_the_angles(counts, tmp_path):
    arrays = {"exchange__data": (counts,), "exchange__data_white": (counts[:3],), "exchange__theta": (TILTS,)}
    path = write(tmp_path / "a.h5", **arrays)
    assert open_series(path).geometry.tilts == 5
    assert open_stack(f"{path}::/exchange/data_white").images.shape == (3, 6, 9)
    assert open_stack(path, "exchange/data_white").images.shape == (3, 6, 9)
    with pytest.raises(InputError, match=r"no array 'exchange/dat': there are /exchange/data \(5 x 6 x 9\), /exchange/data_white"):
        open_stack(path, "exchange/dat")


def test_where_several_might_be_meant_they_are_listed(counts, tmp_path):
    path = write(tmp_path / "a.h5", one=(counts,), two=(counts,))
    with pytest.raises(InputError, match=r"several arrays of three axes \(/one \(5 x 6 x 9\), /two .*a\.h5::/one or by --dataset"):
        open_stack(path)


@pytest.mark.parametrize(("units", "unit"), [("deg", 1), ("degrees", 1), (None, 1), ("rad", np.pi / 180), ("radians", np.pi / 180)])
def test_angles_are_in_the_unit_that_the_file_names(units, unit, counts, tmp_path):
    path = write(tmp_path / "a.nxs", units, data=(counts,), rotation_angle=(np.multiply(TILTS, unit),))
    np.testing.assert_allclose(open_series(path).geometry.tilt_deg, TILTS, atol=1e-6)


@pytest.mark.parametrize("axis", [1, 2])
@pytest.mark.parametrize("options", [{}, {"chunks": (2, 3, 2)}])
def test_the_angles_tell_which_axis_is_theirs(axis, options, counts, tmp_path):
    path = write(tmp_path / "a.h5", data=(np.moveaxis(counts, 0, axis), options), tilt_angles=(TILTS,))
    for along in ("x", "y"):
        sinogram = open_series(path, tilt_axis=along).sinograms(1, 2)[0, 0].numpy()
        np.testing.assert_array_equal(sinogram, counts[:, 1] if along == "y" else counts[:, :, 1])


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"theta": (TILTS,)}, r"no array of three axes.*there are /theta \(5\)"),
        ({"data": (np.zeros((2, 3, 4, 5)),)}, "no array of three axes"),
        ({"data": (np.zeros((5, 6, 9), "c8"),)}, "complex numbers"),
        ({}, "there is none at all"),
    ],
)
def test_files_without_images_are_refused(arrays, message, tmp_path):
    with pytest.raises(InputError, match=message):
        open_stack(write(tmp_path / "a.h5", **arrays))


def test_a_damaged_file_is_refused(counts, tmp_path):
    path = write(tmp_path / "a.h5", data=(counts,))
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(InputError, match="can't be read as HDF5"):
        open_stack(path)


def test_npz_with_names(counts, tmp_path):
    path = tmp_path / "a.npz"
    for save in (np.savez, np.savez_compressed):
        save(path, images=counts, tilts=TILTS)
        series = open_series(path)
        assert series.geometry.tilt_deg == TILTS
        np.testing.assert_array_equal(series.sinograms(0, 1)[0, 0].numpy(), counts[:, 0])
    np.savez(path, images=np.moveaxis(counts, 0, 2), tilts=TILTS)
    np.testing.assert_array_equal(open_stack(path).images, counts)
    np.savez(path, names=np.array(["a", "b"]))
    with pytest.raises(InputError, match=r"no array of three axes.*names \(2\)"):
        open_stack(path)
    path.write_bytes(path.read_bytes()[:-60])
    with pytest.raises(InputError, match="can't be read as NPZ"):
        open_stack(path)


def test_npy_is_mapped_and_never_unpickled(counts, tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, counts)
    assert mapping(open_stack(path).images) is not None
    for content, message in [
        (counts[0], "6 x 9"),
        (counts.astype("c16"), "complex"),
        (counts > 100, "bool"),
        (counts[:0], "no pixels"),
        (np.array([[[{}]]]), "can't be read as NPY"),
    ]:
        np.save(path, content, allow_pickle=True)
        with pytest.raises(InputError, match=message):
            open_stack(path)


def test_matlab_files_before_hdf5(counts, tmp_path):
    from scipy.io import savemat

    path = tmp_path / "a.mat"
    savemat(path, {"projections": np.moveaxis(counts, 0, 2), "angles": np.array([TILTS]), "who": "nobody"})
    series = open_series(path)
    assert series.geometry.tilt_deg == TILTS
    np.testing.assert_array_equal(series.sinograms(3, 4)[0, 0].numpy(), counts[:, 3])
    content = path.read_bytes()
    path.write_bytes(content[:300])
    with pytest.raises(InputError, match="MATLAB"):
        open_stack(path)
