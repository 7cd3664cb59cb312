"""The ASTRA Toolbox's algorithms as reconstructors (``pip install mwgan[astra]``)."""

from __future__ import annotations

import math
from contextlib import ExitStack
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from mwgan.errors import InputError
from mwgan.geometry import Measurement, TiltGeometry
from mwgan.operators.astra import beam_of, import_astra
from mwgan.recon.base import check_iterations
from mwgan.recon.sart import interleave
from mwgan.recon.tomopy import Array, shift_rows
from mwgan.recon.unmeasured import bridge_gaps
from mwgan.recon.wbp import tilt_weights

# Every algorithm with its options and their defaults. The conjugate gradients can't clip.
OPTIONS: dict[str, dict[str, Any]] = {
    "fbp": {"filter": "ram-lak"},
    "sirt": {"iterations": 100, "relaxation": 1.0, "non_negative": True},
    "sart": {"iterations": 20, "relaxation": 1.0, "non_negative": True},
    "art": {"iterations": 20, "relaxation": 1.0, "non_negative": True},
    "cgls": {"iterations": 20},
}
FILTERS = ("ram-lak", "shepp-logan", "cosine", "hamming", "hann")


class Astra:
    """An ASTRA reconstruction of the measured tilts, on the CPU, a slice at a time.

    Parameters
    ----------
    algorithm
        fbp, sirt, sart, art or cgls.
    iterations
        Passes over all tilts, or steps of cgls. None takes 100 for sirt and 20 for the others; fbp has none.
    relaxation
        Step length of sirt, sart and art in (0, 2); None takes 1.
    non_negative
        Whether sirt, sart and art clip negative densities; None clips them.
    filter
        Of fbp: ram-lak, shepp-logan, cosine, hamming or hann; None takes ram-lak.

    Raises
    ------
    InputError
        If there is no such algorithm, it doesn't have that option, or a value can't be used.
    MissingExtraError
        When called where ASTRA is not installed.

    Notes
    -----
    Its tomograms are aligned with ours, in the same units, with the projector of our model (``strip``):

    - fbp assumes that the tilts cover half a turn evenly; each is weighted by the angle it stands for, which gives the tomogram of
      :class:`~mwgan.recon.WBP`. It takes no axis off the detector's centre: projections are shifted by the offset.
    - Pixels of a tilt that were not measured are left out by ASTRA's masks; for fbp, which has none, they are interpolated
      (:mod:`mwgan.recon.unmeasured`).
    - ASTRA counts an iteration of sart for each tilt, and one of art for each ray; here an iteration is a pass over all. sart
      takes the tilts interleaved, art in order.
    """

    def __init__(
        self,
        algorithm: Literal["fbp", "sirt", "sart", "art", "cgls"] = "sirt",
        iterations: int | None = None,
        relaxation: float | None = None,
        non_negative: bool | None = None,
        filter: str | None = None,
    ) -> None:
        if algorithm not in OPTIONS:
            raise InputError(f"ASTRA's algorithm is one of {', '.join(OPTIONS)}, not {algorithm!r}")
        options = {"iterations": iterations, "relaxation": relaxation, "non_negative": non_negative, "filter": filter}
        given = {name: value for name, value in options.items() if value is not None}
        if unknown := sorted(set(given) - set(OPTIONS[algorithm])):
            raise InputError(f"ASTRA's {algorithm} takes {', '.join(OPTIONS[algorithm])}, not {', '.join(unknown)}")
        self.algorithm, self.options = algorithm, OPTIONS[algorithm] | given
        check_iterations(self.options.get("iterations", 1))
        if not 0 < self.options.get("relaxation", 1.0) < 2:
            raise InputError(f"the relaxation must lie in (0, 2), not {relaxation}")
        if self.options.get("filter", FILTERS[0]) not in FILTERS:
            raise InputError(f"ASTRA's filter is one of {', '.join(FILTERS)}, not {filter!r}")

    def __call__(self, measurement: Measurement) -> Tensor:
        """Tomograms (B, 1, N, N) of a measurement."""
        astra = import_astra(f"ASTRA's {self.algorithm}")
        size = measurement.geometry.detector_size
        tomogram = measurement.sinogram.new_zeros(len(measurement.sinogram), 1, size, size)
        for samples, group in measurement.by_tilts():
            if self.algorithm == "fbp":
                slices = self._run_fbp(astra, _array(bridge_gaps(group.sinogram, group.mask)), group.geometry)
            else:
                mask = _array(group.mask.expand_as(group.sinogram)) if group.by_pixel else None
                slices = self._run_iterative(astra, _array(group.sinogram), mask, group.geometry)
            tomogram[samples, 0] = torch.from_numpy(slices).to(tomogram)
        return tomogram

    def _run_fbp(self, astra: Any, rows: Array, geometry: TiltGeometry) -> Array:
        """Slices (S, N, N) of projections (S, A, N) by the filtered back-projection."""
        size, tilts = geometry.detector_size, geometry.tilts
        weights = tilt_weights(geometry, torch.ones(1, 1, tilts, 1, dtype=torch.bool)).flatten().numpy() * tilts / math.pi
        if not geometry.on_axis:
            rows = shift_rows(rows, -np.asarray(geometry.offsets_px), 2 * size)[..., :size]
        beam = astra.create_proj_geom("parallel", 1.0, size, np.deg2rad(geometry.tilt_deg))
        return self._run(astra, beam, rows * weights[:, None], None, 1, {"FilterType": self.options["filter"]})

    def _run_iterative(self, astra: Any, rows: Array, mask: Array | None, geometry: TiltGeometry) -> Array:
        """Slices (S, N, N) of projections (S, A, N), measured where ``mask`` is 1, by an iterative algorithm."""
        tilts = geometry.tilts
        iterations = self.options["iterations"] * {"sart": tilts, "art": tilts * geometry.detector_size}.get(self.algorithm, 1)
        option: dict[str, Any] = {}
        if "relaxation" in self.options:
            option["Lambda" if self.algorithm == "art" else "Relaxation"] = self.options["relaxation"]
        if self.options.get("non_negative"):
            option["MinConstraint"] = 0.0
        if self.algorithm == "sart":
            option |= {"ProjectionOrder": "custom", "ProjectionOrderList": [tilt for (tilt,) in interleave(tilts, tilts)]}
        return self._run(astra, beam_of(geometry, astra), rows, mask, iterations, {"option": option})

    def _run(self, astra: Any, beam: Any, rows: Array, mask: Array | None, iterations: int, settings: dict[str, Any]) -> Array:
        volume = astra.create_vol_geom(rows.shape[-1], rows.shape[-1])
        slices, unit = [], unit_of(rows)
        with ExitStack() as objects:  # ASTRA keeps its objects until they are deleted
            projector = astra.create_projector("strip", beam, volume)
            objects.callback(astra.projector.delete, projector)
            projections, tomogram = astra.data2d.create("-sino", beam), astra.data2d.create("-vol", volume)
            objects.callback(astra.data2d.delete, [projections, tomogram])
            data = {"ProjectorId": projector, "ProjectionDataId": projections, "ReconstructionDataId": tomogram}
            if mask is not None:
                measured = astra.data2d.create("-sino", beam)
                objects.callback(astra.data2d.delete, measured)
                settings = {"option": {**settings["option"], "SinogramMaskId": measured}}
            for number, row in enumerate((rows / unit).astype(np.float32)):
                if not row.any():  # cgls would divide 0 by 0
                    slices.append(np.zeros((rows.shape[-1], rows.shape[-1]), np.float32))
                    continue
                astra.data2d.store(projections, row)
                astra.data2d.store(tomogram, 0.0)
                if mask is not None:
                    astra.data2d.store(measured, mask[number])
                algorithm = astra.algorithm.create({"type": self.algorithm.upper(), **data, **settings})
                objects.callback(astra.algorithm.delete, algorithm)
                astra.algorithm.run(algorithm, iterations)
                slices.append(astra.data2d.get(tomogram))
        return np.stack(slices) * unit


def unit_of(rows: Array) -> Array:
    """Powers of two (S, 1, 1), which are exact, that scale the largest of projections (S, A, N) to 0.5 to 1; 1 if all are 0.

    In some detectors' units the squares that cgls adds up would overflow float32.
    """
    peak = np.abs(rows).max(axis=(1, 2), keepdims=True)
    return np.where(peak > 0, np.ldexp(1.0, np.frexp(peak)[1]), 1.0)


def _array(batch: Tensor) -> Array:
    """(S, H, W) of a batch (S, 1, H, W)."""
    return batch[:, 0].detach().cpu().double().numpy()
