"""Which rows of a results table a figure shows."""

from __future__ import annotations

import pandas as pd

SAME = ["method", "sinogram", "wedge_deg", "source", "noise_percent", "image", "seed"]


def latest(results: pd.DataFrame) -> pd.DataFrame:
    """One row per method and image: of a network trained again under the same name, the latest."""
    return results.drop_duplicates(SAME, keep="last")
