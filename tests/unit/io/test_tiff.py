import numpy as np
import pytest
import tifffile

from mwgan.errors import InputError, MissingExtraError
from mwgan.io import open_series, open_stack
from mwgan.io.lazy import mapping


@pytest.mark.parametrize("kind", ["u1", "u2", "i2", "f4", "f8"])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_a_stack_is_mapped(kind, byteorder, counts, tmp_path):
    data = (counts // 2).astype(kind)
    tifffile.imwrite(tmp_path / "s.tif", data, byteorder=byteorder, photometric="minisblack")
    stack = open_stack(tmp_path / "s.tif")
    np.testing.assert_array_equal(stack.images[:], data)
    assert mapping(stack.images) is not None


@pytest.mark.parametrize(
    "options", [{"compression": "zlib"}, {"tile": (16, 16)}, {"bigtiff": True, "compression": "zlib", "predictor": True}]
)
def test_packed_pages_are_read_one_by_one(options, counts, tmp_path):
    tifffile.imwrite(tmp_path / "s.tiff", counts, photometric="minisblack", **options)
    stack = open_stack(tmp_path / "s.tiff")
    for index in (0, 4, 2):
        np.testing.assert_array_equal(stack.images[index, 1:3], counts[index, 1:3])
    np.testing.assert_array_equal(open_series(tmp_path / "s.tiff", range(5), "x").sinograms(3, 5)[1, 0].numpy(), counts[:, :, 4])


def test_a_page_alone_is_a_series_of_one(counts, tmp_path):
    tifffile.imwrite(tmp_path / "s.tif", counts[0])
    assert open_stack(tmp_path / "s.tif").images.shape == (1, 6, 9)


def test_ome_and_imagej_tell_the_pixel_size(counts, tmp_path):
    tifffile.imwrite(
        tmp_path / "s.ome.tif",
        counts,
        metadata={"axes": "ZYX", "PhysicalSizeX": 2.0, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 0.001, "PhysicalSizeYUnit": "µm"},
    )
    stack = open_stack(tmp_path / "s.ome.tif")
    assert stack.pixel_sizes_angstrom == pytest.approx((10.0, 20.0))
    np.testing.assert_array_equal(stack.images[:], counts)
    for unit, factor in {"nm": 10.0, "\\u00B5m": 1e4, "micron": 1e4, "Angstrom": 1.0}.items():
        tifffile.imwrite(tmp_path / "j.tif", counts, imagej=True, resolution=(0.5, 0.25), metadata={"axes": "ZYX", "unit": unit})
        assert open_stack(tmp_path / "j.tif").pixel_sizes_angstrom == pytest.approx((4 * factor, 2 * factor)), unit


def test_dots_per_inch_are_no_pixel_size(counts, tmp_path):
    tifffile.imwrite(tmp_path / "s.tif", counts, resolution=(72, 72), resolutionunit="INCH", photometric="minisblack")
    assert open_stack(tmp_path / "s.tif").pixel_sizes_angstrom is None


def test_a_serialem_stack_in_tiff_has_its_mdoc_beside_it(counts, tmp_path):
    tifffile.imwrite(tmp_path / "s.tif", counts, photometric="minisblack")
    (tmp_path / "s.tif.mdoc").write_text("PixelSpacing = 5\n" + "".join(f"[ZValue = {k}]\nTiltAngle = {3 * k}\n" for k in range(5)))
    series = open_series(tmp_path / "s.tif")
    assert series.geometry.tilt_deg == (0, 3, 6, 9, 12)
    assert series.voxel_size_angstrom == 5


def folder(path, images, name="tilt_{}.tif"):
    path.mkdir()
    for index, image in enumerate(images):
        tifffile.imwrite(path / name.format(index), image)
    return path


def test_a_folder_of_images_in_the_order_that_people_count_in(counts, tmp_path):
    images = np.concatenate([counts, counts + 1000, counts + 2000])
    path = folder(tmp_path / "images", images)
    (path / "notes.txt").write_text("of the day")
    stack = open_stack(path)
    np.testing.assert_array_equal(np.stack([stack.images[k] for k in range(15)]), images)
    assert stack.notes[0] == "15 files in their order: tilt_0.tif … tilt_14.tif"
    (path / "series.tlt").write_text("\n".join(str(3 * k) for k in range(15)))
    np.testing.assert_array_equal(open_series(path).sinograms(2, 3)[0, 0].numpy(), images[:, 2])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda at: (at / "empty").mkdir() or at / "empty", "no TIFF images"),
        (lambda at: folder(at / "f", [np.zeros((4, 5)), np.zeros((5, 4))]), "tilt_0.tif and tilt_1.tif .* not alike"),
        (lambda at: folder(at / "f", [np.zeros((3, 4, 5))]), "not one grey image"),
    ],
)
def test_folders_that_are_no_series_are_refused(make, message, tmp_path):
    with pytest.raises(InputError, match=message):
        open_stack(make(tmp_path))


def test_files_that_are_no_series_are_refused(counts, tmp_path):
    path = tmp_path / "s.tif"
    tifffile.imwrite(path, np.zeros((6, 9, 3), "u1"), photometric="rgb")
    with pytest.raises(InputError, match="colours"):
        open_stack(path)
    tifffile.imwrite(path, np.zeros((2, 5, 6, 9), "u1"), imagej=True, metadata={"axes": "TZYX"})
    with pytest.raises(InputError, match="has the axes TZYX"):
        open_stack(path)
    with tifffile.TiffWriter(path) as file:
        file.write(counts)
        file.write(counts[:, :4])
    with pytest.raises(InputError, match=r"several series \(0: 5 x 6 x 9, 1: 5 x 4 x 9\)"):
        open_stack(path)
    assert open_stack(f"{path}::1").images.shape == (5, 4, 9)
    with pytest.raises(InputError, match="none is '2'"):
        open_stack(path, "2")


@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}])
def test_a_file_that_breaks_off_is_refused(options, counts, tmp_path):
    path = tmp_path / "s.tif"
    tifffile.imwrite(path, np.repeat(counts, 40, axis=2), photometric="minisblack", **options)
    content = path.read_bytes()
    for kept in (len(content) // 2, 40, 10):
        path.write_bytes(content[:kept])
        with pytest.raises(InputError, match=r"s\.tif"):
            open_series(path, range(5)).sinograms(0, 6)


def test_a_compression_that_needs_another_package_names_the_extra(counts, tmp_path, monkeypatch):
    tifffile.imwrite(tmp_path / "s.tif", counts, photometric="minisblack", compression="zlib")

    def refuse(page):
        raise ValueError("<COMPRESSION.LZW: 5> requires the 'imagecodecs' package")

    monkeypatch.setattr(tifffile.TiffPage, "asarray", refuse)
    monkeypatch.setattr(tifffile.TiffFrame, "asarray", refuse)
    with pytest.raises(MissingExtraError, match=r"needs the package imagecodecs.*mwgan\[formats\]"):
        open_stack(tmp_path / "s.tif").images[0]
