"""TomoPy's algorithms with the same face as ours. TomoPy itself comes from conda-forge."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from mwgan.errors import InputError, MissingExtraError
from mwgan.geometry import Measurement

ALGORITHMS = ("art", "bart", "fbp", "gridrec", "mlem", "osem", "ospml_hybrid", "ospml_quad", "pml_hybrid", "pml_quad", "sirt", "tv", "grad", "tikh")


class TomoPy:
    """A TomoPy reconstruction, ``tomopy.recon``, of the measured tilts.

    Parameters
    ----------
    algorithm
        Any of TomoPy's parallel-beam algorithms: gridrec, art, sirt, tv, …
    options
        Further arguments of that algorithm by name, such as ``num_iter`` or ``reg_par``.
    ncore
        Processor cores; None takes all.

    Notes
    -----
    TomoPy measures the rotation axis from the detector's left edge in whole-pixel coordinates and turns the other way
    up; both are translated here, so that its tomograms lie on ours.
    """

    def __init__(self, algorithm: str = "gridrec", options: dict[str, float | int | str] | None = None, ncore: int | None = None) -> None:
        if algorithm not in ALGORITHMS:
            raise InputError(f"TomoPy's algorithm is one of {', '.join(ALGORITHMS)}, not {algorithm!r}")
        self.algorithm, self.options, self.ncore = algorithm, dict(options or {}), ncore

    def __call__(self, measurement: Measurement) -> Tensor:
        """Tomograms (B, 1, N, N) of a measurement."""
        try:
            import tomopy
        except ImportError as error:
            raise MissingExtraError("this method", "tomopy", "conda install -c conda-forge tomopy") from error
        measurement = measurement.only_measured()
        tomograms = [
            self._slices(tomopy, measurement, samples) for samples in _same_tilts(measurement.mask[:, 0, :, 0], len(measurement.sinogram))
        ]
        order = torch.cat([samples for samples, _ in tomograms])
        stacked = torch.cat([tomogram for _, tomogram in tomograms])
        return stacked[order.argsort()]

    def _slices(self, tomopy, measurement: Measurement, group: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:  # type: ignore[no-untyped-def]
        samples, tilts = group
        geometry = measurement.geometry.take(tilts.tolist())
        sinogram = measurement.sinogram[samples][:, 0][:, tilts].detach().cpu().float().numpy()
        recon = tomopy.recon(
            np.ascontiguousarray(sinogram),
            np.deg2rad(np.asarray(geometry.tilt_deg)),
            center=(geometry.detector_size - 1) / 2 + geometry.axis_offset_px,
            sinogram_order=True,
            algorithm=self.algorithm,
            ncore=self.ncore,
            **self.options,
        )
        return samples, torch.from_numpy(np.ascontiguousarray(recon)).unsqueeze(1).to(measurement.sinogram)


def _same_tilts(measured: Tensor, samples: int) -> list[tuple[Tensor, Tensor]]:
    """Groups of samples that share their measured tilts: (sample indices, tilt indices) of each group."""
    measured = measured.cpu().expand(samples, -1)
    patterns, member = measured.unique(dim=0, return_inverse=True)
    return [((member == number).nonzero().flatten(), pattern.nonzero().flatten()) for number, pattern in enumerate(patterns)]
