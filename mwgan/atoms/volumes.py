"""A volume that atoms are traced in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from mwgan.errors import InputError
from mwgan.io import open_stack


def read_volume(path: Path) -> npt.NDArray[np.float32]:
    """Voxels (Y, Z, X), in any format that series have.

    Raises
    ------
    InputError
        If it can't be read, or has values that aren't finite.
    """
    values = np.array(open_stack(path).images[:], np.float32)
    if not np.isfinite(values).all():
        raise InputError(f"{path} has voxels that are NaN or infinite: reconstruct it again from good images")
    return values
