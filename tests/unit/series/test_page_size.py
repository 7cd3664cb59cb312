"""A page can be mailed: 20 MB at most, whatever the volume, and whatever is in it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mwgan.figures.parts.volume_viewer import Shown
from mwgan.figures.volume_page import VolumePage, volume_page
from mwgan.recon import SIRT
from mwgan.series import report
from mwgan.series.reconstruct import reconstruct_series
from mwgan.series.views import bins_for

TWENTY_MB = 20_000_000


def noise(*shape):
    """What no picture's compression makes smaller."""
    return np.random.default_rng(0).standard_normal(shape, dtype=np.float32)


@pytest.mark.parametrize("trust", [False, True])
@pytest.mark.parametrize("whole", [(512, 512, 512), (2048, 2048, 2048), (4096, 64, 100), (1, 4096, 4096)])
def test_a_page_is_20_mb_at_most(whole, trust):
    count = 3 if trust else 2
    bins = bins_for(whole, report.MOST_BYTES // count)
    shape = bins.shape(whole)
    assert math.prod(shape) * count > 0.4 * min(report.MOST_BYTES, math.prod(whole) * count)  # and no smaller than it has to be
    middle = noise(min(whole[1], 1024), min(whole[2], 1024))  # drawn at one size, however large it is
    tilts = tuple(np.linspace(-70, 70, 281))
    message = VolumePage(
        title="v.mrc",
        about=["a volume"],
        shown=Shown(
            {"SIRT": noise(*shape), "WBP": noise(*shape)}, (1.0,) * 3, (0.0,) * 3, bins.of(whole), noise(*shape) if trust else None
        ),
        middle={"SIRT": middle, "WBP": middle},
        middle_number=whole[0] // 2,
        wedges_deg=[(70.0, 110.0)],
        tilt_deg=tilts,
        residual=np.full(len(tilts), 0.1),
        noise=np.full(len(tilts), 0.1),
        left=["something"],
        seen=["something"],
        warnings=["something"],
        believe=["something"],
        record={"tilts": tilts, "notes": ["a sentence"] * 100},
    )
    assert len(volume_page(message).encode()) <= TWENTY_MB


class _Written:
    def __init__(self):
        self.facts, self.doubt = {"series": "small.mrc", "notes": [], "warnings": []}, None


def test_a_volume_beyond_the_bound_is_shown_in_means(small_series, tmp_path, monkeypatch):
    sizes = []
    series = small_series(size=48, slices=12)
    for most in (9_000_000, 8_000):
        monkeypatch.setattr(report, "MOST_BYTES", most)
        output = tmp_path / f"{most}.mrc"
        page = report.Report(output, series, _Written(), "SIRT", "cpu")
        reconstruct_series(series, SIRT(iterations=2), output, companions=[page])
        sizes.append(report.report_file(output).stat().st_size)
    everything = 4 / 3 * 2 * 12 * 48 * 48
    assert sizes[0] - sizes[1] == pytest.approx(everything - 4 / 3 * 8_000, rel=0.1)
