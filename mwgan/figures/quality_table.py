"""Quality of every method over the images, next to the values of Ding 2019 (its Tables 4 and 5)."""

from __future__ import annotations

import pandas as pd

from mwgan.figures.registry import Needs, figure
from mwgan.results.reading import up_to_date

# PSNR in dB, SSIM, RMSE in grey levels of 255 and perceptual index at a wedge of 45 degrees. The paper's TVM stands beside
# our untuned one: ours with weights tuned for the wedge is another method.
PAPER = {
    ("wbp", "missing"): (13.07, 0.2804, 50.6803, 7.4409),
    ("sart", "missing"): (18.55, 0.3124, 29.0784, 7.4593),
    ("tvm_paper", "missing"): (20.09, 0.3283, 25.2336, 8.9767),
    ("wbp", "complete"): (24.84, 0.4499, 21.4530, 7.0195),
    ("sart", "complete"): (30.17, 0.5522, 12.4785, 7.0032),
    ("tvm_paper", "complete"): (24.81, 0.7130, 18.2653, 8.3549),
    ("joint", "missing"): (27.46, 0.9532, 16.7282, 6.8161),
}
PAPER_COLUMNS = ("paper_psnr", "paper_ssim", "paper_rmse_255", "paper_perceptual_index")
MEANS = ("psnr", "ssim", "rmse_255", "perceptual_index")
DEVIATIONS = ("psnr", "ssim")
PROVENANCE = ("commit", "device", "seed")


@figure("quality_table", needs=Needs.ONE_WEDGE)
def quality_table(results: pd.DataFrame) -> pd.DataFrame:
    """A row for each method and kind of sinogram of a results table of one wedge, the paper's values where it has the method.

    Means over ``images`` images, and the standard deviation between images of PSNR and SSIM (``psnr_std``, ``ssim_std``).
    A metric that the table lacks is NaN.
    """
    rows = []
    for (method, sinogram), group in up_to_date(results).groupby(["method", "sinogram"], sort=False):
        row: dict[str, object] = {"method": method, "sinogram": sinogram, "images": len(group)}
        for metric in MEANS:
            row[metric] = group[metric].mean() if metric in group else float("nan")
            if metric in DEVIATIONS:
                row[f"{metric}_std"] = group[metric].std()
        paper = PAPER.get((str(method), str(sinogram)), (float("nan"),) * len(PAPER_COLUMNS))
        row |= dict(zip(PAPER_COLUMNS, paper, strict=True))
        row |= {column: "; ".join(map(str, group[column].unique())) if column in group else "" for column in PROVENANCE}
        rows.append(row)
    return pd.DataFrame(rows)
