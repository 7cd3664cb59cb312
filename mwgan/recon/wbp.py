"""Weighted back-projection (filtered back-projection), for any list of tilts and any measured mask."""

from __future__ import annotations

import itertools
import math
from functools import lru_cache

import torch
from torch import Tensor

from mwgan.errors import InputError
from mwgan.geometry import Measurement, TiltGeometry
from mwgan.operators import projector_for
from mwgan.recon.base import ProjectorFactory
from mwgan.recon.unmeasured import between_measured, bridge_gaps

FILTERS = ("ramp", "shepp-logan", "hann", "hamming")
WEDGE_GAP = 3.0  # a wider gap is a wedge, not a coarse step
SAME_DIRECTION = 0.05  # of the mean step: repeatability of a stage that returns to a tilt


class WBP:
    """Weighted back-projection: every projection is filtered, weighted by the angle it stands for, and back-projected.

    With all tilts measured it returns the image in its own units; a missing wedge stays missing and is not compensated by
    larger weights at its edges. Pixels of a tilt that were not measured are interpolated for the filter
    (:func:`mwgan.recon.unmeasured.bridge_gaps`), and pixels beyond the measured ends are not back-projected.

    Parameters
    ----------
    filter
        ``ramp``, or the ramp with a ``shepp-logan``, ``hann`` or ``hamming`` window that damps high frequencies.
    cutoff
        End of the window as a fraction of the Nyquist frequency; higher frequencies are removed.
    projector
        Projector of a geometry (default: :class:`mwgan.operators.ParallelBeam`).
    wedge_gap
        A gap between tilts this many times their median is a missing wedge; infinity if nothing is missing.

    References
    ----------
    Kak and Slaney, Principles of Computerized Tomographic Imaging (1988), chapter 3: the band-limited ramp.
    """

    def __init__(
        self, filter: str = "ramp", cutoff: float = 1.0, projector: ProjectorFactory = projector_for, wedge_gap: float = WEDGE_GAP
    ) -> None:
        if filter not in FILTERS:
            raise InputError(f"the WBP filter is one of {', '.join(FILTERS)}, not {filter!r}")
        if not 0 < cutoff <= 1:
            raise InputError(f"the WBP cutoff must lie in (0, 1] of the Nyquist frequency, not {cutoff}")
        self.filter, self.cutoff, self.projector, self.wedge_gap = filter, cutoff, projector, wedge_gap

    def __call__(self, measurement: Measurement) -> Tensor:
        """Tomograms (B, 1, N, N) of a measurement."""
        if measurement.measured.ndim == 1 or measurement.by_pixel:
            measurement = measurement.only_measured()
        # With a wedge per sample the rows to leave out differ from batch to batch, and each choice would need its own matrix.
        rows = bridge_gaps(measurement.sinogram, measurement.mask)
        return self.back_project(rows, measurement.geometry, self.weights(measurement))

    def weights(self, measurement: Measurement) -> Tensor:
        """The angle that each tilt of a measurement stands for, (1 or B, 1, A, 1 or N); 0 where nothing was measured."""
        weights = tilt_weights(measurement.geometry, measurement.measured_tilts, self.wedge_gap)
        return weights * between_measured(measurement.mask) if measurement.by_pixel else weights

    def back_project(self, sinogram: Tensor, geometry: TiltGeometry, weights: Tensor) -> Tensor:
        """Filter sinograms (B, 1, A, N), multiply by ``weights`` (1 or B, 1, A, 1 or N), back-project: tomograms (B, 1, N, N)."""
        size = geometry.detector_size
        padded = 2 ** math.ceil(math.log2(2 * size))
        # The transform has no half precision outside CUDA, and a reconstruction needs full precision.
        sinogram = sinogram if sinogram.dtype == torch.float64 else sinogram.float()
        response = _response_on(sinogram.device, padded, self.filter, self.cutoff, sinogram.dtype)
        with torch.autocast(sinogram.device.type, enabled=False):
            spectrum = torch.fft.rfft(sinogram, n=padded, dim=-1)
            filtered = torch.fft.irfft(spectrum * response, n=padded, dim=-1)[..., :size]
        return self.projector(geometry).adjoint(filtered * weights.to(filtered))


def filter_response(length: int, name: str, cutoff: float, dtype: torch.dtype = torch.float32) -> Tensor:
    """Frequency response (length // 2 + 1,) of the windowed ramp for a real transform of ``length`` samples.

    The ramp is the transform of its band-limited kernel, not |f| itself: sampling |f| would set the mean to zero
    and leave a bowl of missing density.
    """
    position = torch.fft.fftfreq(length, d=1.0 / length, dtype=torch.float64)
    odd = position.long() % 2 != 0
    kernel = torch.where(odd, -1.0 / (math.pi * position.clamp(min=-length)) ** 2, 0.0)
    kernel[0] = 0.25
    frequency = torch.fft.rfftfreq(length, dtype=torch.float64)
    relative = frequency / (0.5 * cutoff)
    window = {
        "ramp": torch.ones_like(relative),
        "shepp-logan": torch.sinc(relative / 2),
        "hann": 0.5 + 0.5 * torch.cos(math.pi * relative),
        "hamming": 0.54 + 0.46 * torch.cos(math.pi * relative),
    }[name]
    response: Tensor = torch.fft.rfft(kernel).real * window * (relative <= 1)
    return response.to(dtype)


# Tensors of a geometry are cached on their device: a training needs them several times a step, and a transfer would wait for the
# GPU. They are made outside inference mode, or training could not use them.


@lru_cache(maxsize=32)
def _response_on(device: torch.device, length: int, name: str, cutoff: float, dtype: torch.dtype) -> Tensor:
    with torch.inference_mode(False):
        return filter_response(length, name, cutoff, dtype).to(device)


@lru_cache(maxsize=32)
def _directions(tilt_deg: tuple[float, ...], device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Distinct directions (D,) in [0, 180) degrees in increasing order; the tilts' positions (A,) in that order; the direction of each."""
    with torch.inference_mode(False):
        direction, order = (torch.tensor(tilt_deg, dtype=torch.float64) % 180.0).sort()
        groups = distinct_directions(direction.tolist())
        distinct = torch.tensor([(group[0] + group[-1]) / 2 for group in groups], dtype=torch.float64)
        member = torch.repeat_interleave(torch.arange(len(groups)), torch.tensor([len(group) for group in groups]))
        return distinct.to(device), order.to(device), member.to(device)


def distinct_directions(direction_deg: list[float]) -> list[list[float]]:
    """Increasing directions in degrees, those of repeated exposures together: closer than a twentieth of the mean step."""
    gaps = [after - before for before, after in itertools.pairwise([*direction_deg, direction_deg[0] + 180.0])]
    near = SAME_DIRECTION * (180.0 - max(gaps)) / max(1, len(gaps) - 1)
    groups = [direction_deg[:1]]
    for direction in direction_deg[1:]:
        if direction - groups[-1][-1] <= near:
            groups[-1].append(direction)
        else:
            groups.append([direction])
    return groups


def tilt_weights(geometry: TiltGeometry, mask: Tensor, wedge_gap: float = WEDGE_GAP) -> Tensor:
    """The angle in radians that each measured tilt stands for, (1 or B, 1, A, 1); 0 where nothing was measured.

    Half the way to the neighbour on either side, opposite views counted as one direction; repeated exposures share their angle. If
    the neighbour lies across the missing wedge (a gap over ``wedge_gap`` times the median), the gap on the other side is used
    instead, or else the median.
    """
    direction, order, member = _directions(geometry.tilt_deg, mask.device)
    measured = mask[:, 0, order, 0]
    if len(direction) == len(order):
        weight = _spans(direction, measured, wedge_gap)
    else:
        exposures = torch.zeros(len(measured), len(direction), dtype=torch.float64, device=mask.device)
        exposures = exposures.index_add(1, member, measured.double())
        weight = (_spans(direction, exposures > 0, wedge_gap) / exposures.clamp(min=1))[:, member] * measured
    result = torch.zeros_like(weight)
    result[:, order] = weight
    return result.reshape(len(measured), 1, len(order), 1)


def _spans(direction: Tensor, measured: Tensor, wedge_gap: float) -> Tensor:
    """The angle in radians that each direction (A,) stands for, (B, A), where ``measured`` (B, A); 0 elsewhere."""
    samples, tilts = measured.shape
    count = measured.sum(dim=1)
    index = torch.arange(tilts, device=measured.device).expand(samples, tilts)
    first = measured.int().argmax(dim=1, keepdim=True)
    last = tilts - 1 - measured.flip(1).int().argmax(dim=1, keepdim=True)
    # The measured tilts before and after each one, cyclic over the half circle.
    before = torch.where(measured, index, -1).cummax(dim=1).values.roll(1, dims=1)
    wrapped_before = before < 0
    wrapped_before[:, 0] = True
    before = torch.where(wrapped_before, last, before)
    after = torch.where(measured, index, tilts).flip(1).cummin(dim=1).values.flip(1).roll(-1, dims=1)
    wrapped_after = after >= tilts
    wrapped_after[:, -1] = True
    after = torch.where(wrapped_after, first, after)
    gap_before = direction - direction[before] + 180.0 * wrapped_before
    gap_after = direction[after] - direction + 180.0 * wrapped_after

    median = torch.where(measured, gap_after, torch.nan).nanmedian(dim=1, keepdim=True).values
    wide_before, wide_after = gap_before > wedge_gap * median, gap_after > wedge_gap * median
    filled_before = torch.where(wide_before, torch.where(wide_after, median, gap_after), gap_before)
    filled_after = torch.where(wide_after, torch.where(wide_before, median, gap_before), gap_after)
    weight = torch.deg2rad((filled_before + filled_after) / 2)
    # A single tilt has no neighbour: it stands for the whole half circle, as a back-projection does.
    return torch.where(count.unsqueeze(1) == 1, math.pi, weight) * measured
