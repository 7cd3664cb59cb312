"""A series to a volume: blocks, units, sizes, and a reconstruction that was stopped."""

from __future__ import annotations

import mrcfile
import numpy as np
import pytest
import torch

from mwgan.errors import InputError
from mwgan.files.partials import take_report
from mwgan.methods import known_methods
from mwgan.recon import SIRT, WBP
from mwgan.recon.named import make_method
from mwgan.series import reconstruct_series
from mwgan.series.trust_report import TrustReport, trust_files

USABLE = [name for name, entry in known_methods().items() if entry.reconstructor is not None and not entry.lacks and entry.is_ours]
DISTINCT = [name for name in USABLE if not name.startswith(("irdm_", "tvm_", "lpd_"))]  # one of each kind


def volume(path):
    with mrcfile.open(path, permissive=False) as file:
        return file.data.copy()


def names(folder):
    return sorted(file.name for file in folder.iterdir())


def quick(name):
    entry = known_methods()[name]
    few = name in ("tvm", "sirt", "sart") or "iterations" in (entry.reconstructor or {})
    return make_method(name, {"iterations": 20} if few else {})


class Stopped:
    """A method that is interrupted when it is called for the n-th time."""

    def __init__(self, method, calls, error=KeyboardInterrupt):
        self.method, self.left, self.error = method, calls, error

    def __call__(self, measurement):
        if self.left == 0:
            raise self.error
        self.left -= 1
        return self.method(measurement)


@pytest.mark.parametrize("name", DISTINCT)
@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_the_picture_is_the_same_in_any_units(name, factor, small_series, tmp_path):
    results = []
    for number, unit in enumerate((1.0, factor)):
        series, output = small_series(factor=unit, slices=2), tmp_path / f"{number}.mrc"
        method = quick(name)
        report = TrustReport(method, output, series) if name in ("wbp", "tvm") else None
        residual, _ = reconstruct_series(series, method, output, report=report)
        uncertainty = volume(trust_files(output)[0]) / unit if report else np.zeros(1)
        results.append((volume(output) / unit, residual, uncertainty, report and report.times_noise))
    (plain, residual, deviation, noise), (scaled, other_residual, other_deviation, other_noise) = results
    np.testing.assert_allclose(scaled, plain, rtol=0, atol=1e-3 * np.abs(plain).max())
    assert other_residual == pytest.approx(residual, rel=1e-2)
    np.testing.assert_allclose(other_deviation, deviation, rtol=0, atol=2e-3 * np.abs(deviation).max() + 1e-9)
    assert noise is None or other_noise == pytest.approx(noise, rel=1e-2)


@pytest.mark.parametrize("name", DISTINCT)
def test_blocks_leave_no_seam(name, small_series, tmp_path):
    method = quick(name)
    for block in (1, 2, 5):
        reconstruct_series(small_series(), method, tmp_path / f"{block}.mrc", block)
    whole = volume(tmp_path / "5.mrc")
    for block in (1, 2):
        np.testing.assert_allclose(volume(tmp_path / f"{block}.mrc"), whole, rtol=0, atol=1e-3 * np.abs(whole).max())


@pytest.mark.parametrize("trust", [False, True], ids=["", "trust"])
@pytest.mark.parametrize("stops", [(1,), (2,), (1, 1, 2)])
def test_a_reconstruction_that_is_stopped_goes_on_to_the_same_files(stops, trust, small_series, tmp_path, capsys):
    take_report()

    def run(output, method, identity):
        series = small_series()
        report = TrustReport(method, output, series) if trust else None
        residual, _ = reconstruct_series(series, method, output, 1, report=report, identity=identity)
        return residual, series, report and report.sentences()

    calls = 1 if not trust else 8  # of a block
    output, plain = tmp_path / "v.mrc", tmp_path / "plain.mrc"
    expected, _, said = run(plain, SIRT(5), None)
    for stop in stops:
        with pytest.raises(KeyboardInterrupt):
            run(output, Stopped(SIRT(5), stop * calls), "same")
        assert "the same command resumes there" in take_report()
        assert not output.exists()
    capsys.readouterr()
    residual, series, message = run(output, SIRT(5), "same")
    assert capsys.readouterr().out.startswith(f"resuming after {sum(stops)} of 5 slices")
    assert series.asked == [(slice_, slice_ + 1) for slice_ in range(sum(stops), 5)]
    assert residual == expected
    assert message == said
    assert output.read_bytes() == plain.read_bytes()
    written = [output, *(trust_files(output) if trust else ())]
    assert names(tmp_path) == sorted([file.name for file in written] + [file.name.replace("v.", "plain.", 1) for file in written])
    if trust:
        for mine, theirs in zip(trust_files(output), trust_files(plain), strict=True):
            assert mine.suffix == ".png" or mine.read_bytes() == theirs.read_bytes()


def test_another_command_or_an_error_begins_anew_and_leaves_nothing(small_series, tmp_path):
    output = tmp_path / "v.mrc"
    for error, kept in ((KeyboardInterrupt, 1), (InputError("bad"), 0), (OSError(28, "No space left on device"), 0)):
        with pytest.raises(type(error) if isinstance(error, Exception) else error):
            reconstruct_series(small_series(), Stopped(WBP(), 2, error), output, 1, identity="one")
        assert len(names(tmp_path)) == kept
    with pytest.raises(KeyboardInterrupt):
        reconstruct_series(small_series(), Stopped(WBP(), 2), output, 1, identity="one")
    series = small_series()
    reconstruct_series(series, WBP(), output, 1, identity="other")
    assert len(series.asked) == 5
    assert names(tmp_path) == ["v.mrc"]


def test_a_tomogram_that_is_no_number_leaves_nothing_not_even_what_was_finished(small_series, tmp_path):
    calls = []

    def spoilt(measurement):
        calls.append(0)
        return torch.full((1, 1, 24, 24), torch.nan if len(calls) > 2 else 0.0)

    with pytest.raises(InputError, match="the slices from 2 on come out as NaN"):
        reconstruct_series(small_series(), spoilt, tmp_path / "v.mrc", 1, identity="one")
    assert names(tmp_path) == []


@pytest.mark.parametrize(("thickness", "width"), [(10, 24), (None, 40), (9, 41), (31, 12), (24, 24)])
def test_thickness_and_width_cut_the_slice_about_its_middle(thickness, width, small_series, tmp_path):
    series = small_series()
    reconstruct_series(series, WBP(), tmp_path / "whole.mrc")
    reconstruct_series(series, WBP(), tmp_path / "v.mrc", thickness=thickness, width=width)
    whole, part = volume(tmp_path / "whole.mrc"), volume(tmp_path / "v.mrc")
    assert part.shape == (5, thickness or 24, width)
    side = max(24, 24 + 2 * (-(-(max(thickness or 0, width) - 24) // 2)))
    padded = np.pad(whole, ((0, 0), *[((side - 24) // 2,) * 2] * 2))
    top, left = (side - (thickness or 24)) // 2, (side - width) // 2
    common = padded[:, top : top + part.shape[1], left : left + width]
    inside = common != 0
    assert np.linalg.norm((part - common)[inside]) < 0.1 * np.linalg.norm(common)
    with mrcfile.open(tmp_path / "v.mrc") as file:
        sizes = file.voxel_size
        assert (float(sizes.z), float(sizes.y), float(sizes.x)) == pytest.approx((3.0, 2.0, 2.0))


def test_sizes_that_cannot_be_are_refused(small_series, tmp_path):
    with pytest.raises(InputError, match="width of a slice must be 1 to 192 pixels"):
        reconstruct_series(small_series(), WBP(), tmp_path / "v.mrc", width=1000)


def test_what_the_series_says_was_not_measured_counts_nowhere(small_series, tmp_path):
    mask = torch.ones(5, 1, 13, 24, dtype=torch.bool)
    mask[:, :, 8:, :5] = False
    found = []
    for junk in (0.0, 1e4):
        series = small_series(measured=mask)
        series.rows = torch.where(mask, series.rows, junk)
        report = TrustReport(SIRT(20), tmp_path / "v.mrc", series)
        residual, _ = reconstruct_series(series, SIRT(20), tmp_path / "v.mrc", report=report, width=30)
        found.append((residual, volume(tmp_path / "v.mrc"), volume(trust_files(tmp_path / "v.mrc")[0]), report.sentences()))
    assert found[0][0] == found[1][0] < 0.2
    np.testing.assert_array_equal(found[0][1], found[1][1])
    np.testing.assert_array_equal(found[0][2], found[1][2])
    assert found[0][3] == found[1][3]
