"""The perceptual index of Ding 2019, where it can be computed: half of (10 - Ma's score) + NIQE, lower is better.

Neither score uses the truth. Both are trained on photographs and come, with their weights, from the package pyiqa.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

SMALLEST = 192  # NIQE models blocks of 96 pixels and needs two in either direction

PerceptualIndex = Callable[[Tensor], Tensor]


def perceptual_index(size: int, device: str = "cpu") -> tuple[PerceptualIndex | None, str]:
    """A function for the index (B,) of tomograms (B, 1, N, N) in [0, 1], or None and the reason why it isn't available.

    References
    ----------
    Ding 2019, Results and Table 5; Blau et al., ECCV workshops (2018): the index.
    """
    if size < SMALLEST:
        return None, f"images of {size} pixels: NIQE needs {SMALLEST}"
    try:
        import pyiqa
    except ImportError:
        return None, "pyiqa is not installed: pip install 'mwgan[perceptual]'"
    try:
        niqe, ma = (pyiqa.create_metric(name, device=device) for name in ("niqe", "nrqm"))
    except Exception as error:  # the package downloads its weights on first use
        return None, f"pyiqa could not load its weights ({type(error).__name__})"

    def index(tomogram: Tensor) -> Tensor:
        grey = tomogram.clamp(0, 1).expand(-1, 3, -1, -1)  # both expect photographs
        value: Tensor = (10 - ma(grey).flatten() + niqe(grey).flatten()) / 2
        return value.float()

    return index, ""
