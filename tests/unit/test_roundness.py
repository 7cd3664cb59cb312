import pytest
import torch

from mwgan.evaluation.roundness import width_over_height


@pytest.mark.parametrize(("height", "width"), [(20.0, 20.0), (24.0, 18.0), (15.0, 25.0)])
def test_an_oval_has_the_ratio_of_its_axes(height, width):
    z, x = torch.meshgrid(torch.arange(64.0) - 30, torch.arange(64.0) - 34, indexing="ij")
    oval = ((z / height).square() + (x / width).square() <= 1).float()
    background = 0.1 * torch.rand(64, 64, generator=torch.Generator().manual_seed(0))
    image = torch.maximum(oval, background)[None, None]
    assert float(width_over_height(image)) == pytest.approx(width / height, rel=0.02)
    assert float(width_over_height(7.0 * image)) == pytest.approx(float(width_over_height(image)))
