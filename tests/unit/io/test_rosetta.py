"""HSPY, DM3, DM4, SER and BCF: what RosettaSciIO can write is written by it; what it can only read stands as its answer does."""

import sys

import numpy as np
import pytest

from mwgan.errors import InputError, MissingExtraError
from mwgan.io import open_series, open_stack, rosetta

TILTS = (-40.0, -20.0, 0.0, 20.0, 40.0)


def axis(name, size, scale, offset=0.0, units="nm", navigate=False):
    return {"_type": "UniformDataAxis", "name": name, "size": size, "scale": scale, "offset": offset, "units": units, "navigate": navigate}


def signal(images, axes, metadata=None, original=None):
    for place, one in enumerate(axes):
        one["index_in_array"] = place
    metadata = {"General": {"title": "needle"}} if metadata is None else metadata
    return {"data": images, "axes": axes, "metadata": metadata, "original_metadata": original or {}}


def whole(images, axes, metadata=None):
    """With all that a file of HyperSpy holds besides."""
    more = {"learning_results": {}, "models": {}, "tmp_parameters": {}, "package_info": {"package": "", "package_version": ""}}
    return signal(images, axes, metadata) | more | {"attributes": {"_lazy": False, "ragged": False}}


def stack_axes(units="degrees", offset=-40.0, scale=20.0):
    return [axis("Projections", 5, scale, offset, units, True), axis("y", 6, 0.5), axis("x", 9, 0.25)]


@pytest.fixture
def hspy(tmp_path):
    writer = pytest.importorskip("rsciio.hspy", reason="HSPY needs rosettasciio")

    def write(images, axes, metadata=None):
        writer.file_writer(str(tmp_path / "a.hspy"), whole(images, axes, metadata))
        return tmp_path / "a.hspy"

    return write


@pytest.fixture
def answer(monkeypatch, tmp_path):
    """``answer(signals)``: a DM3 file of which RosettaSciIO would say that."""
    plugin = pytest.importorskip("rsciio.digitalmicrograph", reason="DM3 needs rosettasciio")

    def give(*signals):
        monkeypatch.setattr(plugin, "file_reader", lambda path, lazy: list(signals))
        (tmp_path / "a.dm3").write_bytes(b"\0\0\0\3" + bytes(100))
        return tmp_path / "a.dm3"

    return give


def test_hspy_tells_tilts_and_pixels_by_its_axes(hspy, counts):
    series = open_series(hspy(counts, stack_axes()))
    assert series.geometry.tilt_deg == TILTS
    assert series.pixel_sizes_angstrom == pytest.approx((5.0, 2.5))
    np.testing.assert_array_equal(series.sinograms(1, 3)[1, 0].numpy(), counts[:, 2])
    np.testing.assert_array_equal(series.sinograms(0, 1)[0, 0].numpy(), counts[:, 0])


def test_each_tilt_of_etspy_comes_before_an_even_axis(hspy, counts):
    tilt_axes = [axis("Projections", 5, 1.0, units="", navigate=True), axis("Tilt values", 1, 1.0, units="degrees")]
    uneven = (-41.0, -20.0, 0.5, 20.0, 44.0)
    metadata = {"General": {"title": ""}, "Tomography": {"_sig_tilts": whole(np.array(uneven)[:, None], tilt_axes, {})}}
    assert open_series(hspy(counts, stack_axes(), metadata)).geometry.tilt_deg == uneven


def test_an_axis_in_radians(hspy, counts):
    series = open_series(hspy(counts, stack_axes("rad", np.radians(-40), np.radians(20))))
    np.testing.assert_allclose(series.geometry.tilt_deg, TILTS, atol=1e-6)
    assert "the file gives its angles in radians" in series.notes


def test_dm_tags_of_a_tilt_series(answer, counts):
    angles = {"Minimum_tilt_angle_deg": -40.0, "Maximum_tilt_angle_deg": 40.0, "Tilt_angle_step_deg": 20.0}
    tags = {"ImageList": {"TagGroup0": {"ImageTags": {"Tomography": {"Tomography_setup": {"Tilt_angles": angles}}}}}}
    axes = [axis("z", 5, 1.0, units="", navigate=True), axis("y", 6, 2.0, units="µm"), axis("x", 9, 2.0, units="µm")]
    stack = open_stack(answer(signal(counts, axes, original=tags)))
    assert stack.tilt_deg == TILTS
    assert stack.pixel_sizes_angstrom == (20000.0, 20000.0)


def test_axes_in_another_order(answer, counts):
    axes = [axis("x", 9, 0.25), axis("y", 6, 0.5), axis("tilt", 5, 20.0, -40.0, "", True)]
    stack = open_stack(answer(signal(counts.transpose(2, 1, 0), axes)))
    np.testing.assert_array_equal(stack.images, counts)
    assert stack.tilt_deg == TILTS
    assert stack.pixel_sizes_angstrom == pytest.approx((5.0, 2.5))


def test_of_several_signals_one_is_named(answer, counts):
    first, second = signal(counts, stack_axes()), signal(counts[::-1], stack_axes(), {"General": {"title": "BF"}})
    image = signal(counts[0], stack_axes()[1:], {"General": {"title": "survey"}})
    assert open_stack(answer(image, first)).images.shape == (5, 6, 9)
    path = answer(image, first, second)
    with pytest.raises(InputError, match=r"2 signals that fit \(0: survey \(6 x 9\), 1: needle .*a\.dm3::0"):
        open_stack(path)
    for name in ("BF", "2"):
        np.testing.assert_array_equal(open_stack(path, name).images, counts[::-1])
    assert open_stack(path, "survey").images.shape == (1, 6, 9)


@pytest.mark.parametrize("suffix", list(rosetta.MODULES))
def test_a_damaged_file_is_one_sentence(suffix, tmp_path):
    pytest.importorskip("rsciio", reason="these formats need rosettasciio")
    for content in (b"\0\0\0\3" + bytes(200), b"II" + bytes(100), b"AAMVHFSS" + b"\xff" * 100, b"\x89HDF\r\n\x1a\n" + bytes(90)):
        (tmp_path / f"a{suffix}").write_bytes(content)
        with pytest.raises(InputError, match=rf"a\{suffix}"):
            open_stack(tmp_path / f"a{suffix}")


@pytest.mark.parametrize("suffix", list(rosetta.MODULES))
def test_without_the_extra_its_name_is_told(suffix, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "rsciio", None)
    for module in rosetta.MODULES.values():
        monkeypatch.setitem(sys.modules, f"rsciio.{module}", None)
    (tmp_path / f"a{suffix}").write_bytes(b"something")
    with pytest.raises(MissingExtraError, match=r"needs the package rosettasciio.*pip install 'mwgan\[formats\]'"):
        open_stack(tmp_path / f"a{suffix}")
