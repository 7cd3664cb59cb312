"""Image quality against the truth, one value per image. The data range is the truth's, [0, 1], never the prediction's."""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.functional.image import structural_similarity_index_measure

COLUMNS = ("psnr", "ssim", "nrmse", "rmse_255")
BORDER = 5  # half of the 11-pixel window of SSIM


def image_metrics(tomogram: Tensor, image: Tensor, data_range: float = 1.0) -> dict[str, Tensor]:
    """Quality of each tomogram (B, 1, N, N) against its image, as tensors (B,).

    - ``psnr``: 10 log10(data_range^2 / MSE), in dB
    - ``ssim``: structural similarity, Gaussian window of 11 pixels and sigma 1.5 (Wang et al. 2004)
    - ``nrmse``: RMSE over the root mean square of the image (``skimage.metrics.normalized_root_mse``, euclidean)
    - ``rmse_255``: RMSE in grey levels of 255 (Ding 2019, Table 5)
    """
    tomogram, image = tomogram.float(), image.float()
    mse = (tomogram - image).square().flatten(1).mean(dim=1)
    power = image.square().flatten(1).mean(dim=1)
    tiny = torch.finfo(mse.dtype).tiny
    # The border of half a window, which has no full window, is left out as in the paper and in scikit-image.
    _, similarity = structural_similarity_index_measure(tomogram, image, reduction="none", data_range=data_range, return_full_image=True)
    similarity = similarity[..., BORDER:-BORDER, BORDER:-BORDER].flatten(1).mean(dim=1)
    return {
        "psnr": 10 * torch.log10(data_range**2 / mse.clamp(min=tiny)),
        "ssim": similarity,
        "nrmse": (mse / power.clamp(min=tiny)).sqrt(),
        "rmse_255": 255 * mse.sqrt() / data_range,
    }


class ImageQuality(Metric):
    """Averages the values of :func:`image_metrics` over images, across batches and processes."""

    full_state_update = False
    images: Tensor

    def __init__(self) -> None:
        super().__init__()
        for column in COLUMNS:
            self.add_state(column, default=torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("images", default=torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, values: dict[str, Tensor]) -> None:
        for column in COLUMNS:
            setattr(self, column, getattr(self, column) + values[column].sum().double())
        self.images = self.images + len(values[COLUMNS[0]])

    def compute(self) -> dict[str, Tensor]:
        return {column: getattr(self, column) / self.images for column in COLUMNS}
