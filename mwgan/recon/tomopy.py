"""TomoPy's algorithms as reconstructors. TomoPy itself comes from conda-forge."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from mwgan.errors import InputError, MissingExtraError
from mwgan.geometry import Measurement, TiltGeometry
from mwgan.recon.sart import interleave
from mwgan.recon.unmeasured import bridge_gaps, require_whole_rows
from mwgan.recon.wbp import tilt_weights

Array = npt.NDArray[Any]
Option = float | int | str | Sequence[float]

# Every algorithm with its options and our defaults. TomoPy's own defaults (one iteration, a penalty or a step of 1) don't
# reconstruct: its TV would smooth the image away and its gradient descent would diverge.
OPTIONS: dict[str, dict[str, Option]] = {
    "gridrec": {"filter_name": "shepp", "filter_par": (0.5, 8.0)},
    "art": {"num_iter": 10},
    "bart": {"num_iter": 20, "num_block": 6},
    "sirt": {"num_iter": 100},
    "mlem": {"num_iter": 50},
    "osem": {"num_iter": 10, "num_block": 6},
    "pml_quad": {"num_iter": 50, "reg_par": 0.1},
    "pml_hybrid": {"num_iter": 50, "reg_par": (0.1, 0.1)},
    "ospml_quad": {"num_iter": 10, "num_block": 6, "reg_par": 0.1},
    "ospml_hybrid": {"num_iter": 10, "num_block": 6, "reg_par": (0.1, 0.1)},
    "tv": {"num_iter": 300, "reg_par": 0.01},
    "grad": {"num_iter": 50, "reg_par": -1.0},
    "tikh": {"num_iter": 50, "reg_par": (-1.0, 0.001)},
}
ALGORITHMS = tuple(OPTIONS)
FILTERS = ("shepp", "cosine", "hann", "hamming", "ramlak", "parzen", "butterworth")
MULTIPLICATIVE = ("mlem", "osem", "pml_quad", "pml_hybrid", "ospml_quad", "ospml_hybrid")
FLOOR = 1e-6  # of a slice's largest line integral: densities that reach 0 make TomoPy divide 0 by 0
SMALLEST = 1e-30  # for slices without a positive value: a millionth of it still has full precision

# gridrec cuts its interpolation kernel at 2 cells but divides by the transform of one that reaches 2.23. What remains,
# integrated from its own table: a gain, and 1 + 0.604 t^2 + 0.445 t^4 along either axis at t half-widths of the
# padded field from the centre. The padding keeps t under 1/4, and the circular filter off the image.
GRIDREC_GAIN, GRIDREC_BOWL, GRIDREC_PADDING = 1.119, (0.604, 0.445), 4


class TomoPy:
    """A TomoPy reconstruction, ``tomopy.recon``, of the measured tilts.

    Parameters
    ----------
    algorithm
        gridrec, art, bart, sirt, mlem, osem, pml_quad, pml_hybrid, ospml_quad, ospml_hybrid, tv, grad or tikh. TomoPy's
        fbp is left out: it does not filter.
    options
        Options of that algorithm by TomoPy's names, in addition to ``OPTIONS``, which reconstruct a smooth object from complete
        data without noise to about 2 %; they are not tuned to noise or a wedge. ``reg_par`` is two numbers for the hybrid
        algorithms and for tikh (step, penalty), else one; a step of -1 is computed in each iteration. For tv it is about
        ``sqrt(2 A / N)`` times the weight of our :class:`~mwgan.recon.TVM`, for A measured tilts of N pixels.
    ncore
        Processor cores; None takes all.
    iterations
        The option ``num_iter`` by its name in all other methods; None: as in ``options``.

    Raises
    ------
    InputError
        If there is no such algorithm or option, or a value can't be used; when called, if pixels of a tilt were not measured and the
        algorithm takes no mask.
    MissingExtraError
        When called where TomoPy is not installed.

    Notes
    -----
    Its tomograms are aligned with ours, in the same units:

    - TomoPy rotates in the same sense, so nothing is flipped. The algorithms that trace rays count the axis from the *edge* of
      the detector's first pixel, gridrec from its middle; and gridrec puts the axis half a pixel (N even) or one pixel
      (N odd) right of the slice's centre and as much above it, so its projections are shifted by that beforehand.
    - gridrec assumes that the measured tilts cover half a turn evenly; each is weighted by the angle it stands for, as in
      :class:`~mwgan.recon.WBP`. Projections are padded with zeros to four times their width, and its gain, 1.12 in
      the centre and up to 1.21 in the corners, is divided out. It loses the mean of the padded field: the tomogram
      lies below the truth by 3 to 4 % of the slice's mean.
    - Tilts are passed interleaved: in increasing order, art is still far from convergence after tens of iterations, and each
      block of bart, osem, ospml_quad and ospml_hybrid would contain one direction only.
    - Pixels of a tilt that were not measured are interpolated for gridrec (:mod:`mwgan.recon.unmeasured`); the others, which take no
      masks, refuse them.
    - mlem, osem and the pml family are multiplicative: line integrals below a millionth of the slice's largest, also
      negative ones, are raised to that.
    """

    def __init__(
        self,
        algorithm: str = "gridrec",
        options: Mapping[str, Option] | None = None,
        ncore: int | None = None,
        iterations: int | None = None,
    ) -> None:
        if algorithm == "fbp":
            raise InputError("TomoPy's fbp back-projects without a filter, which is no reconstruction: use gridrec")
        if algorithm not in OPTIONS:
            raise InputError(f"TomoPy's algorithm is one of {', '.join(ALGORITHMS)}, not {algorithm!r}")
        if ncore is not None and ncore < 1:
            raise InputError(f"TomoPy needs at least 1 core, not {ncore}")
        self.algorithm, self.ncore = algorithm, ncore
        self.options = {**OPTIONS[algorithm], **(options or {})}
        if iterations is not None:
            self.options["num_iter"] = iterations
        _check_options(algorithm, self.options)

    def __call__(self, measurement: Measurement) -> Tensor:
        """Tomograms (B, 1, N, N) of a measurement."""
        if self.algorithm != "gridrec":  # a filtered back-projection
            require_whole_rows(measurement, f"TomoPy's {self.algorithm}")
        try:
            import tomopy
        except ImportError as error:
            raise MissingExtraError(f"TomoPy's {self.algorithm}", "tomopy", "conda install -c conda-forge tomopy") from error
        sinogram = measurement.sinogram
        size = measurement.geometry.detector_size
        tomogram = sinogram.new_zeros(len(sinogram), 1, size, size)
        for samples, group in measurement.by_tilts():
            order = [index for (index,) in interleave(group.geometry.tilts, group.geometry.tilts)]
            rows = bridge_gaps(group.sinogram, group.mask)[:, 0, order].detach().cpu().double().numpy()
            if group.geometry.tilt_offset_px:  # TomoPy takes one axis position for all tilts
                rows = shift_rows(rows, -np.array(group.geometry.tilt_offset_px)[order], 2 * size)[..., :size]
            tilt_deg = np.array(group.geometry.tilt_deg)[order]
            reconstruct = self._gridrec if self.algorithm == "gridrec" else self._trace_rays
            slices = torch.from_numpy(reconstruct(tomopy, rows, tilt_deg, group.geometry)).to(tomogram)
            empty = torch.from_numpy(~rows.any(axis=(1, 2), keepdims=True)).to(slices.device)
            tomogram[samples, 0] = slices.masked_fill(empty, 0.0)  # multiplicative algorithms would leave their floor there
        return tomogram

    def _trace_rays(self, tomopy: Any, rows: Array, tilt_deg: Array, geometry: TiltGeometry) -> Array:
        """Slices (S, N, N) of the projections (S, A, N) by an algorithm that traces rays."""
        if self.algorithm in MULTIPLICATIVE:
            rows = rows.clip(min=FLOOR * rows.max(axis=(1, 2), keepdims=True).clip(min=SMALLEST))
        return self._recon(tomopy, rows, tilt_deg, geometry.detector_size / 2 + geometry.axis_offset_px)

    def _gridrec(self, tomopy: Any, rows: Array, tilt_deg: Array, geometry: TiltGeometry) -> Array:
        """Slices (S, N, N) of the projections (S, A, N) by gridrec."""
        size = geometry.detector_size
        centre = (size - 1) / 2
        padded = 2 ** math.ceil(math.log2(GRIDREC_PADDING * size))
        offset = padded // 2 - (padded - size) // 2 - centre  # pixels right of, and above, the slice's centre

        weights = tilt_weights(geometry, torch.ones(1, 1, geometry.tilts, 1, dtype=torch.bool)).flatten().numpy()
        weights = weights[np.searchsorted(geometry.tilt_deg, tilt_deg)] * geometry.tilts / np.pi
        tilt = np.deg2rad(tilt_deg)
        rows = shift_rows(rows * weights[:, None], -offset * (np.cos(tilt) + np.sin(tilt)), padded)

        recon = self._recon(tomopy, rows, tilt_deg, centre + geometry.axis_offset_px, num_gridx=size, num_gridy=size)
        from_axis = ((np.arange(size) - centre) / (padded / 2)) ** 2
        bowl = 1 + GRIDREC_BOWL[0] * from_axis + GRIDREC_BOWL[1] * from_axis**2
        return np.asarray(recon / (GRIDREC_GAIN * bowl[:, None] * bowl[None, :]))

    def _recon(self, tomopy: Any, rows: Array, tilt_deg: Array, axis: float, **grid: int) -> Array:
        options: dict[str, Any] = {**self.options, **grid}
        for name in {"reg_par", "filter_par"} & set(options):
            options[name] = np.array(options[name], dtype=np.float32)
        recon = tomopy.recon(
            np.ascontiguousarray(rows, dtype=np.float32),
            np.deg2rad(tilt_deg),
            center=axis,
            sinogram_order=True,
            algorithm=self.algorithm,
            ncore=self.ncore,
            **options,
        )
        return np.asarray(recon)


def shift_rows(rows: Array, by_px: Array | float, length: int) -> Array:
    """Projections (S, A, N), padded with zeros to (S, A, ``length``) and shifted right by a number of pixels, or by one per tilt (A,)."""
    phase = np.exp(-2j * np.pi * np.fft.rfftfreq(length) * np.reshape(by_px, (-1, 1)))
    return np.fft.irfft(np.fft.rfft(rows, length) * phase, length)


def _check_options(algorithm: str, options: Mapping[str, Option]) -> None:
    """Raise an :class:`InputError` for options with which TomoPy would crash, divide by zero, or use other values silently."""
    unknown = sorted(set(options) - set(OPTIONS[algorithm]))
    if unknown:
        known = ", ".join(OPTIONS[algorithm])
        raise InputError(f"TomoPy's {algorithm} takes the options {known}, not {', '.join(unknown)}")
    for name, value in options.items():
        if name in ("num_iter", "num_block"):
            if not isinstance(value, int) or value < 1:
                raise InputError(f"{name} must be a whole number of 1 or more, not {value!r}")
        elif name == "filter_name":
            if value not in FILTERS:
                raise InputError(f"TomoPy's filter is one of {', '.join(FILTERS)}, not {value!r}")
        else:
            expected = np.size(OPTIONS[algorithm][name])
            numbers = list(value) if isinstance(value, Sequence) else [value]
            finite = [isinstance(number, (int, float)) and math.isfinite(number) for number in numbers]
            if len(finite) != expected or not all(finite):
                count = "a finite number" if expected == 1 else f"{expected} finite numbers"
                raise InputError(f"{name} of TomoPy's {algorithm} must be {count}, not {value!r}")
