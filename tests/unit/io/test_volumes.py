"""A volume on disk: its format by its name, what the file says of it, and all of it or nothing."""

import time
from pathlib import Path

import h5py
import mrcfile
import numpy as np
import pytest
import tifffile
import torch

from mwgan.errors import InputError
from mwgan.io import VolumeWriter, open_stack
from mwgan.io.volumes import SUFFIXES, split_name

SHAPE, SIZES, FIRST = (5, 4, 6), (3.0, 2.0, 2.5), (0.0, -1.0, 2.0)
NAMES = ["v.mrc", "V.REC", "v.ome.tif", "v.tiff", "v.hspy"]


def read(path):
    if path.suffix.lower() in (".mrc", ".rec"):
        return mrcfile.read(path)
    if path.suffix.startswith(".tif"):
        return tifffile.imread(path)
    images = open_stack(path).images
    return np.stack([np.asarray(images[number]) for number in range(images.shape[0])])


@pytest.fixture
def volume():
    return torch.rand(5, 1, 4, 6, generator=torch.Generator().manual_seed(0)) - 0.5


@pytest.mark.parametrize("name", NAMES)
def test_blocks_in_any_order_become_a_volume(name, volume, tmp_path):
    with VolumeWriter(tmp_path / name, SHAPE, SIZES) as writer:
        writer.write(3, volume[3:])
        writer.write(0, volume[:3])
        np.testing.assert_array_equal(writer.read(4), volume[4, 0])
    np.testing.assert_array_equal(read(tmp_path / name), volume[:, 0].numpy())
    assert [file.name for file in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", NAMES)
def test_the_same_volume_is_the_same_file(name, volume, tmp_path):
    for folder in ("one", "other"):
        (tmp_path / folder).mkdir()
        time.sleep(1.1 * (folder == "other" and name.endswith(".hspy")))  # HDF5 counts seconds
        with VolumeWriter(tmp_path / folder / name, SHAPE, SIZES) as writer:
            writer.write(0, volume)
    assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()


def test_an_mrc_says_spacing_origin_label_and_statistics(volume, tmp_path):
    path = tmp_path / "v.mrc"
    with VolumeWriter(path, SHAPE, SIZES, first_voxel_px=FIRST) as writer:
        writer.write(0, volume)
    assert mrcfile.validate(path)
    with mrcfile.open(path) as file:
        header, sizes = file.header, file.voxel_size
        assert [float(sizes[axis]) for axis in "zyx"] == pytest.approx(SIZES)
        assert [float(header.origin[axis]) for axis in "zyx"] == pytest.approx([0.0, -2.0, 5.0])
        assert header.label[0].decode().startswith("mwgan ")
        found = [float(header[name]) for name in ("dmin", "dmax", "dmean", "rms")]
        assert found == pytest.approx([float(volume.min()), float(volume.max()), float(volume.mean()), float(volume.std(correction=0))])
        assert file.is_volume()


def test_an_ome_tiff_says_its_voxels(volume, tmp_path):
    path = tmp_path / "v.ome.tif"
    with VolumeWriter(path, SHAPE, SIZES) as writer:
        writer.write(0, volume)
    with tifffile.TiffFile(path) as file:
        assert file.is_ome
        assert file.series[0].axes == "ZYX"
        for axis, size in zip("ZYX", SIZES, strict=True):
            assert f'PhysicalSize{axis}="{size}" PhysicalSize{axis}Unit="Å"' in file.ome_metadata
    with VolumeWriter(path, SHAPE, None) as writer:
        writer.write(0, volume)
    with tifffile.TiffFile(path) as file:
        assert "PhysicalSize" not in file.ome_metadata


@pytest.mark.parametrize("lazy", [False, True])
def test_hyperspy_reads_the_hspy_with_its_axes(lazy, volume, tmp_path):
    hspy = pytest.importorskip("rsciio.hspy")
    with VolumeWriter(tmp_path / "v.hspy", SHAPE, SIZES, first_voxel_px=FIRST) as writer:
        writer.write(0, volume)
    (signal,) = hspy.file_reader(str(tmp_path / "v.hspy"), lazy=lazy)
    np.testing.assert_array_equal(np.asarray(signal["data"]), volume[:, 0].numpy())
    message = [(axis["name"], axis["size"], axis["scale"], axis["offset"], axis["units"], axis["navigate"]) for axis in signal["axes"]]
    assert message == [("y", 5, 3.0, 0.0, "Å", True), ("z", 4, 2.0, -2.0, "Å", False), ("x", 6, 2.5, 5.0, "Å", False)]
    assert signal["metadata"]["General"]["title"] == "v"


def test_without_the_extra_an_hspy_is_refused_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "rsciio.hspy", None)
    with pytest.raises(InputError, match=r"pip install 'mwgan\[formats\]', or write .mrc"):
        VolumeWriter(tmp_path / "v.hspy", SHAPE, SIZES)


@pytest.mark.parametrize("name", ["v.tif", "v.hspy"])
def test_the_room_of_any_format_is_taken_at_the_beginning(name, tmp_path):
    with VolumeWriter(tmp_path / name, (4, 64, 64), None) as writer:
        (partial,) = tmp_path.iterdir()
        assert partial.stat().st_blocks * 512 >= 4 * 64 * 64 * 4
        writer.write(0, torch.zeros(4, 1, 64, 64))


def test_what_is_never_written_is_zero(tmp_path):
    for name in NAMES:
        with VolumeWriter(tmp_path / name, SHAPE, None) as writer:
            writer.write(1, torch.ones(1, 1, 4, 6))
        assert read(tmp_path / name).sum() == 24, name


@pytest.mark.parametrize("name", ["v", "v.vol", "v.mrc.gz", "v.png", ".mrc", "v.mrc.", "mrc"])
def test_a_name_that_is_no_volumes_is_refused_with_those_that_are(name, tmp_path):
    with pytest.raises(InputError, match=r"ends in \.mrc .*OME-TIFF.*HyperSpy"):
        VolumeWriter(tmp_path / name, SHAPE, None)


def test_the_longest_suffix_counts():
    assert split_name(Path("a/b.c.ome.tif")) == ("b.c", ".ome.tif")
    assert all(split_name(Path(f"v{suffix}")) == ("v", suffix) for suffix in SUFFIXES)


@pytest.mark.parametrize("name", NAMES)
def test_an_interruption_leaves_the_old_volume_and_nothing_else(name, volume, tmp_path):
    target = tmp_path / name
    target.write_bytes(b"the good old volume")

    def interrupted():
        with VolumeWriter(target, SHAPE, 1.0) as writer:
            writer.write(0, volume[:2])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert target.read_bytes() == b"the good old volume"
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_a_link_stays_and_what_it_leads_to_is_replaced(volume, tmp_path):
    (tmp_path / "real.mrc").write_bytes(b"old")
    (tmp_path / "v.tif").symlink_to("real.mrc")
    with VolumeWriter(tmp_path / "v.tif", SHAPE, None) as writer:
        writer.write(0, volume)
    assert (tmp_path / "v.tif").is_symlink()
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "real.mrc"), volume[:, 0].numpy())


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(InputError, match=r"v\.mrc can't be written"), VolumeWriter(tmp_path / "no" / "v.mrc", (1, 4, 4), 1.0):
        pass
    (tmp_path / "folder.mrc").mkdir()
    with pytest.raises(InputError, match="is a folder"), VolumeWriter(tmp_path / "folder.mrc", (1, 4, 4), 1.0):
        pass


def test_the_hspy_is_hdf5_that_any_program_opens(volume, tmp_path):
    with VolumeWriter(tmp_path / "v.hspy", SHAPE, None) as writer:
        writer.write(0, volume)
    with h5py.File(tmp_path / "v.hspy") as file:
        data = file["Experiments/v/data"]
        assert (data.shape, data.chunks, data.compression) == (SHAPE, (1, 4, 6), None)
