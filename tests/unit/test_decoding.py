"""Files of measured images become upright square slices in [0, 1], whatever wrote them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mwgan.data.decoding import decode_photograph, decode_scan, is_photograph, is_scan, squared
from mwgan.errors import InputError
from mwgan.paths import PACKAGE

SAMPLES = PACKAGE.parent / "samples" / "brain"
SHARED = PACKAGE.parent.parent / "shared" / "data"
N = 32
MIDDLE = (slice(12, 20), slice(12, 20))


def picture(inside: float = 100, outside: float = 0, shape: tuple[int, int] = (N, N)) -> np.ndarray:
    """A rectangle of half the width and height on a ground."""
    pixels = np.full(shape, outside, dtype=np.int16)
    height, width = shape
    pixels[height // 4 : -(height // 4), width // 4 : -(width // 4)] = inside
    return pixels


def slices(path: Path, window: tuple[float, float] | None = None, axes: tuple[str, ...] = ("axial",), size: int = N) -> np.ndarray:
    return decode_scan(path, size, window, axes).slices


def extent(square: np.ndarray) -> tuple[int, int]:
    """Height and width of what is brighter than a half."""
    bright = square > 0.5
    return int(bright.any(axis=1).sum()), int(bright.any(axis=0).sum())


@pytest.mark.parametrize(("hounsfield", "expected"), [(-160, 0.0), (-60, 0.25), (40, 0.5), (240, 1.0), (-1000, 0.0), (3000, 1.0)])
def test_a_window_maps_hounsfield_units_to_the_unit_range(tmp_path, write_dicom, hounsfield, expected):
    pixels = picture((hounsfield + 1024) / 2, (1024 + 240) / 2)
    path = write_dicom(tmp_path / "ct.dcm", pixels, RescaleSlope=2, RescaleIntercept=-1024)
    np.testing.assert_allclose(slices(path, (40, 400))[0][MIDDLE], expected, atol=1e-6)


@pytest.mark.parametrize(("centre", "width"), [(50, 200), ([50, 400], [200, 1600])])
def test_the_window_a_dicom_file_states_is_taken_and_of_several_the_first(tmp_path, write_dicom, centre, width):
    path = write_dicom(tmp_path / "ct.dcm", picture(100), WindowCenter=centre, WindowWidth=width)
    np.testing.assert_allclose(slices(path)[0][MIDDLE], 0.75, atol=1e-6)


def test_a_window_asked_for_comes_before_the_one_a_file_states(tmp_path, write_dicom):
    path = write_dicom(tmp_path / "ct.dcm", picture(100), WindowCenter=50, WindowWidth=200)
    np.testing.assert_allclose(slices(path, (100, 400))[0][MIDDLE], 0.5, atol=1e-6)


@pytest.mark.parametrize(
    "stated", [{}, {"WindowCenter": None, "WindowWidth": None}, {"WindowCenter": 5}, {"WindowCenter": 5, "WindowWidth": 0}]
)
def test_without_a_window_the_files_own_range_becomes_the_unit_range(tmp_path, write_dicom, stated):
    square = slices(write_dicom(tmp_path / "mr.dcm", picture(700, 200), **stated))[0]
    np.testing.assert_allclose(square[MIDDLE], 1)
    assert square[16, 2] == 0


def test_where_the_largest_number_is_the_darkest_the_picture_is_inverted(tmp_path, write_dicom):
    path = write_dicom(tmp_path / "xray.dcm", picture(100), PhotometricInterpretation="MONOCHROME1", WindowCenter=50, WindowWidth=100)
    square = slices(path)[0]
    assert square[16, 16] == 0
    assert square[16, 4] == 1


def test_every_frame_of_a_file_is_a_slice_but_those_with_nothing_in_them(tmp_path, write_dicom):
    frames = np.stack([picture(0), picture(100), picture(50), picture(0)])
    found = slices(write_dicom(tmp_path / "several.dcm", frames), (50, 100))
    assert [float(square[16, 16]) for square in found] == [1.0, 0.5]


@pytest.mark.parametrize(("spacing", "shape"), [((2.0, 1.0), (N, 2 * N)), ((0.5, 1.0), (2 * N, N)), ((0.7, 0.7), (N, N))])
def test_dicom_pixels_that_are_no_squares_keep_the_proportions(tmp_path, write_dicom, spacing, shape):
    path = write_dicom(tmp_path / "ct.dcm", picture(shape=shape), PixelSpacing=list(spacing))
    assert extent(slices(path)[0]) == (N // 2, N // 2)


def test_enhanced_files_are_rescaled_and_spaced_by_what_they_say_of_their_frames(tmp_path, write_dicom):
    pydicom = pytest.importorskip("pydicom")

    def group(name: str, **elements: object) -> object:
        item, inner = pydicom.Dataset(), pydicom.Dataset()
        for key, value in elements.items():
            setattr(inner, key, value)
        setattr(item, name, [inner])
        return item

    shared = group("PixelMeasuresSequence", PixelSpacing=[2.0, 1.0])
    own = [group("PixelValueTransformationSequence", RescaleSlope=1, RescaleIntercept=value, RescaleType="HU") for value in (-1024, -924)]
    frames = np.stack([picture(1064, shape=(N, 2 * N))] * 2)
    path = write_dicom(tmp_path / "e.dcm", frames, SharedFunctionalGroupsSequence=[shared], PerFrameFunctionalGroupsSequence=own)
    found = slices(path, (40, 400))
    np.testing.assert_allclose(found[:, 16, 16], [0.5, 0.75], atol=1e-6)
    assert extent(found[1]) == (N // 2, N // 2)


@pytest.mark.parametrize(("stated", "subject"), [({"PatientID": "P7"}, "P7"), ({"PatientID": ""}, None), ({}, None)])
def test_the_subject_is_the_patient_a_dicom_file_names(tmp_path, write_dicom, stated, subject):
    assert decode_scan(write_dicom(tmp_path / "ct.dcm", picture(), **stated), N, None, ["axial"]).subject == subject


@pytest.mark.parametrize(
    ("elements", "reason"),
    [
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "colour"),
        ({"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB"}, "colour"),
        ({"Modality": "SEG"}, "modality SEG"),
        ({"Modality": "RTDOSE"}, "modality RTDOSE"),
    ],
)
def test_colours_masks_and_doses_are_no_scans(tmp_path, write_dicom, elements, reason):
    with pytest.raises(ValueError, match=reason):
        slices(write_dicom(tmp_path / "other.dcm", picture(), **elements))


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.dcm", "A.DCM", "a.ima"])
def test_scans_are_known_by_their_ending(tmp_path, name):
    (tmp_path / name).touch()
    assert is_scan(tmp_path / name)


@pytest.mark.parametrize("name", ["IM0001", "1.3.6.1.4.1.14519.5.2.1"])
def test_dicom_files_without_an_ending_or_named_by_a_uid_are_known_by_their_content(tmp_path, write_dicom, name):
    assert is_scan(write_dicom(tmp_path / name, picture()))
    (tmp_path / "README").write_text("not a scan " * 30)
    (tmp_path / "short").write_bytes(b"DICM")
    assert not is_scan(tmp_path / "README")
    assert not is_scan(tmp_path / "short")


@pytest.mark.parametrize(
    ("name", "taken"), [("a.jpg", True), ("A.JPEG", True), ("a.png", True), ("a.tif", True), ("a.txt", False), ("a", False)]
)
def test_photographs_are_known_by_their_ending(name, taken):
    assert is_photograph(Path(name)) == taken


def head() -> np.ndarray:
    """A grey block (x, y, z), its right, front and upper part bright."""
    volume = np.zeros((16, 20, 24), dtype=np.float32)
    volume[2:-2, 2:-2, 2:-2] = 0.5
    volume[9:13, 13:17, 16:20] = 1.0
    return volume


# A slice through the bright part (of those with anything in them), the part's middle in it (row, column) and the picture's size.
BRIGHT = {
    "axial": (15, (20 - 15 - 0.125, 11 - 0.125), (20, 16)),  # the right is on the right, the front on top
    "coronal": (12, (24 - 18 - 0.125, 11 - 0.125), (24, 16)),  # the right is on the right, up is up
    "sagittal": (8, (24 - 18 - 0.125, 15 - 0.125), (24, 20)),  # the front is on the right, up is up
}


def reoriented(image, codes: str):
    """The same scan, stored along other axes."""
    orientations = pytest.importorskip("nibabel").orientations
    now = orientations.io_orientation(image.affine)
    return image.as_reoriented(orientations.ornt_transform(now, orientations.axcodes2ornt(tuple(codes))))


@pytest.mark.parametrize("codes", ["RAS", "LPS", "PIR", "SLA", "ALI"])
@pytest.mark.parametrize("axis", list(BRIGHT))
def test_up_is_up_however_a_volume_is_stored(tmp_path, write_nifti, codes, axis):
    nibabel = pytest.importorskip("nibabel")
    image = nibabel.Nifti1Image(head(), np.eye(4))
    turned = reoriented(image, codes)
    assert "".join(nibabel.aff2axcodes(turned.affine)) == codes
    path = write_nifti(tmp_path / "head.nii", np.asarray(turned.dataobj), turned.affine)
    cut, (row, column), (height, width) = BRIGHT[axis]
    square = slices(path, (0.5, 1), (axis,), size=4 * height)[cut]
    found = [np.mean(where) / 4 for where in np.nonzero(square > 0.9)]
    assert found == pytest.approx([row, column + (height - width) / 2], abs=0.2)


@pytest.mark.parametrize("codes", ["RAS", "SPL"])
def test_voxels_that_are_no_cubes_keep_the_proportions(tmp_path, write_nifti, codes):
    nibabel = pytest.importorskip("nibabel")
    volume = np.zeros((32, 16, 8), dtype=np.float32)
    volume[8:24, 4:12, 2:6] = 1
    image = nibabel.Nifti1Image(volume, np.diag([1.0, 2.0, 4.0, 1.0]))
    turned = reoriented(image, codes)
    path = write_nifti(tmp_path / "thick.nii", np.asarray(turned.dataobj), turned.affine)
    for axis in BRIGHT:
        assert extent(slices(path, (0.5, 1), (axis,))[0]) == (16, 16)


def test_packed_and_unpacked_scans_are_the_same(tmp_path, write_nifti):
    plain, packed = (slices(write_nifti(tmp_path / name, head())) for name in ("a.nii", "a.nii.gz"))
    np.testing.assert_array_equal(plain, packed)


def test_of_a_time_series_the_first_volume_is_read(tmp_path, write_nifti):
    series = np.stack([head(), np.roll(head(), 5, axis=0), head()[::-1]], axis=-1)
    found = slices(write_nifti(tmp_path / "series.nii", series), (0.5, 1))
    np.testing.assert_array_equal(found, slices(write_nifti(tmp_path / "first.nii", head()), (0.5, 1)))


def test_numbers_that_are_none_read_as_empty(tmp_path, write_nifti):
    volume = head()
    masked = np.where(volume == 0, np.nan, volume)
    np.testing.assert_array_equal(slices(write_nifti(tmp_path / "a.nii", masked)), slices(write_nifti(tmp_path / "b.nii", volume)))


def test_a_scans_stated_scale_counts(tmp_path, write_nifti):
    nibabel = pytest.importorskip("nibabel")
    image = nibabel.Nifti1Image((head() * 100).astype(np.int16), np.eye(4))
    image.header.set_slope_inter(2, -1000)
    nibabel.save(image, tmp_path / "scaled.nii")
    stored = nibabel.load(tmp_path / "scaled.nii")
    assert stored.dataobj.slope == 2
    np.testing.assert_allclose(slices(tmp_path / "scaled.nii", (-900, 200))[8][16, 12], 0.5, atol=1e-6)


def test_the_slices_of_every_asked_for_axis_are_there(tmp_path, write_nifti):
    path = write_nifti(tmp_path / "head.nii", head())
    assert [len(slices(path, axes=axes)) for axes in (("axial",), ("coronal",), ("sagittal",), ("axial", "coronal", "sagittal"))] == [
        20,
        16,
        12,
        48,
    ]


@pytest.mark.parametrize("axes", [["diagonal"], [], "axial"])
def test_axes_that_there_are_not_are_refused(tmp_path, write_nifti, axes):
    with pytest.raises(InputError, match="axial"):
        decode_scan(write_nifti(tmp_path / "head.nii", head()), N, None, axes)


@pytest.mark.parametrize(
    ("volume", "reason"),
    [
        (np.ones((8, 8), np.float32), "not a volume"),
        (np.ones((8, 8, 8), np.float32), "grey level"),
        (np.zeros((8, 8, 8), np.float32), "grey level"),
    ],
)
def test_files_that_hold_no_picture_say_so(tmp_path, write_nifti, volume, reason):
    with pytest.raises(ValueError, match=reason):
        slices(write_nifti(tmp_path / "odd.nii", volume))


def test_a_volume_with_nothing_in_its_window_says_so(tmp_path, write_nifti):
    with pytest.raises(ValueError, match="only empty slices"):
        slices(write_nifti(tmp_path / "head.nii", head()), (5000, 100))


@pytest.mark.parametrize("size", [8, 31, 32, 64])
@pytest.mark.parametrize("shape", [(16, 16), (3, 50), (50, 3), (1, 1), (200, 120)])
def test_a_square_is_cut_to_the_disc_that_every_projection_sees(size, shape):
    square = squared(np.ones(shape, dtype=np.float32), size)
    away = np.hypot(*(np.mgrid[:size, :size] - (size - 1) / 2))
    assert square.shape == (size, size)
    assert square.dtype == np.float32
    assert square[away > size / 2].max(initial=0) == 0
    assert square[away < 0.9].max() == pytest.approx(1, abs=1e-5)
    assert square.min() >= 0
    assert square.max() <= 1


@pytest.mark.parametrize(("shape", "expected"), [((40, 80), (16, 32)), ((80, 40), (32, 16))])
def test_tall_and_wide_pictures_lie_in_the_middle(shape, expected):
    bright = squared(np.ones(shape, dtype=np.float32), N) > 0.4
    assert (bright.any(axis=1).sum(), bright.any(axis=0).sum()) == expected
    np.testing.assert_array_equal(bright, bright[::-1, ::-1])


def photograph() -> np.ndarray:
    """Red, green and blue fields on grey, different in every corner."""
    pixels = np.full((N, N, 3), 60, dtype=np.uint8)
    pixels[8:14, 8:14], pixels[8:14, 18:24], pixels[18:24, 8:14] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    return pixels


def test_a_photograph_becomes_its_luminance(tmp_path, write_photograph):
    decoded = decode_photograph(write_photograph(tmp_path / "a.png", photograph()), N)
    assert decoded.subject is None
    assert decoded.slices.shape == (1, N, N)
    np.testing.assert_allclose(decoded.slices[0][[10, 10, 20, 20], [10, 20, 10, 20]], [0.299, 0.587, 0.114, 60 / 255], atol=2e-3)


@pytest.mark.parametrize(
    ("name", "mode"), [("a.png", "RGBA"), ("a.png", "P"), ("a.tif", "RGB"), ("a.webp", "RGB"), ("a.bmp", "RGB"), ("a.jpg", "CMYK")]
)
def test_kinds_of_pictures_give_the_same_image(tmp_path, write_photograph, name, mode):
    options = {"quality": 95} if name.endswith("jpg") else {"lossless": True} if name.endswith("webp") else {}
    found = decode_photograph(write_photograph(tmp_path / name, photograph(), mode, **options), N).slices[0]
    expected = decode_photograph(write_photograph(tmp_path / "rgb.png", photograph()), N).slices[0]
    np.testing.assert_allclose(found[[10, 10, 20, 20], [10, 20, 10, 20]], expected[[10, 10, 20, 20], [10, 20, 10, 20]], atol=0.05)


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_sixteen_bits_are_not_cut_off_at_eight(tmp_path, write_photograph, name):
    grey = np.linspace(0, 65535, N * N).reshape(N, N).astype(np.uint16)
    found = decode_photograph(write_photograph(tmp_path / name, grey), N).slices[0]
    np.testing.assert_allclose(found[4:-4, 16], grey[4:-4, 16] / 65535, atol=1e-4)


def test_floating_point_pictures_are_refused_rather_than_read_as_black(tmp_path, write_photograph):
    with pytest.raises(ValueError, match="floating-point"):
        decode_photograph(write_photograph(tmp_path / "a.tif", np.ones((8, 8), dtype=np.float32)), N)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_of_a_turned_camera_is_upright(tmp_path, write_photograph, orientation):
    from PIL import Image

    upright = Image.fromarray(photograph()[:, :24])
    stored = {  # what a camera held so stores, by EXIF's table
        2: [Image.Transpose.FLIP_LEFT_RIGHT],
        3: [Image.Transpose.ROTATE_180],
        4: [Image.Transpose.FLIP_TOP_BOTTOM],
        5: [Image.Transpose.TRANSPOSE],
        6: [Image.Transpose.ROTATE_90],
        7: [Image.Transpose.TRANSVERSE],
        8: [Image.Transpose.ROTATE_270],
    }.get(orientation, [])
    turned = upright
    for method in stored:
        turned = turned.transpose(method)
    exif = Image.Exif()
    exif[274] = orientation
    path = write_photograph(tmp_path / "turned.png", np.asarray(turned), exif=exif)
    expected = decode_photograph(write_photograph(tmp_path / "upright.png", np.asarray(upright)), N).slices
    np.testing.assert_allclose(decode_photograph(path, N).slices, expected, atol=1e-6)


def test_broken_details_of_the_camera_cost_no_photograph(tmp_path, write_photograph):
    path = write_photograph(tmp_path / "a.jpg", photograph(), exif=b"Exif\0\0no such thing")
    assert decode_photograph(path, N).slices.max() > 0


def files(folder: Path, kind: str) -> list:
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    absent = pytest.param(folder, marks=pytest.mark.skip(reason=f"{folder} is not here"), id=kind)
    return [pytest.param(path, id=path.name) for path in found] or [absent]


@pytest.mark.parametrize("path", [*files(SAMPLES, "samples"), *files(SHARED / "brain", "brain"), *files(SHARED / "dicom", "dicom")])
def test_real_scans_give_slices_in_the_unit_range(path):
    pytest.importorskip("nibabel", reason="NIfTI scans need nibabel")
    pytest.importorskip("pydicom", reason="DICOM scans need pydicom")
    assert is_scan(path)
    found = slices(path)
    assert found.shape[1:] == (N, N)
    assert found.dtype == np.float32
    assert found.min() >= 0
    assert 0.5 < found.max() <= 1
    assert found.std() > 0.05


@pytest.mark.parametrize("path", files(SHARED / "photographs", "photographs"))
def test_real_photographs_give_images_in_the_unit_range(path):
    found = decode_photograph(path, N).slices
    assert found.shape == (1, N, N)
    assert found.dtype == np.float32
    assert found.min() >= 0
    assert 0.3 < found.max() <= 1


def test_the_ct_slice_that_pydicom_ships_is_in_hounsfield_units(tmp_path):
    data = pytest.importorskip("pydicom.data")
    square = slices(Path(data.get_testdata_file("CT_small.dcm")), (40, 400), size=128)[0]
    pixels = pytest.importorskip("pydicom").dcmread(data.get_testdata_file("CT_small.dcm")).pixel_array.astype(np.float64) - 1024
    np.testing.assert_allclose(square[40:88, 40:88], np.clip((pixels + 160) / 400, 0, 1)[40:88, 40:88], atol=1e-5)
