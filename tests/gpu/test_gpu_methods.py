"""Every method, and how far to believe it, gives on a GPU what it gives on the CPU."""

from __future__ import annotations

from pathlib import Path

import mrcfile
import numpy as np
import pytest
import torch
from torch import Tensor
from typer.testing import CliRunner

from mwgan.cli.main import app
from mwgan.geometry import Measurement, TiltGeometry
from mwgan.methods import known_methods
from mwgan.recon.named import make_method
from mwgan.testing import check_reconstructor
from mwgan.testing.specimen import measurement, specimen
from mwgan.trust import added_share, fourier_ring_correlation, noise_deviation, residual_map, uncertainty_of

pytestmark = [pytest.mark.gpu, pytest.mark.usefixtures("exact_products")]
NAMES = sorted(name for name, entry in known_methods().items() if entry.reconstructor is not None)
PASSES = {"sirt": 20, "tvm": 30, "tvm_directional": 30, "tvm_auto": 30, "tvm_paper": 30, "astra_sirt": 10, "astra_sart": 3}
SAMPLES = Path(__file__).parents[2] / "samples"


def apart(result: Tensor, expected: Tensor) -> float:
    return float((result.cpu() - expected).norm() / expected.norm())


def measured(device: torch.device | str) -> Measurement:
    """Three slices of 64 pixels, 2 % noise drawn on the CPU, a wedge of 45 degrees."""
    given = measurement(specimen(64), TiltGeometry.full(64, 3.0), 45.0)
    noise = torch.randn(given.sinogram.shape, generator=torch.Generator().manual_seed(0)) * 0.02 * given.sinogram.std()
    return Measurement((given.sinogram + noise).to(device), given.measured, given.geometry)


@pytest.mark.parametrize("name", NAMES)
def test_every_method_reconstructs_the_same(name, device):
    entry = known_methods()[name]
    if entry.lacks:
        pytest.skip(f"{entry.lacks} is not installed")
    settings = {"iterations": PASSES[name]} if name in PASSES else {}
    with torch.inference_mode():
        tomogram = make_method(name, settings, str(device))(measured(device))
        expected = make_method(name, settings)(measured("cpu"))
    assert tomogram.device.type == device.type
    assert apart(tomogram, expected) < 1e-3


@pytest.mark.parametrize("name", ["wbp", "sart"])
def test_a_method_keeps_every_promise(name, device):
    method = make_method(name, {"iterations": 1} if name == "sart" else {}, str(device))
    check_reconstructor(method, sizes=(33,), device=device)


@pytest.mark.parametrize("name", ["lpd", "auto"])
def test_trust_is_the_same(name, device):
    found = []
    for where in (device, torch.device("cpu")):
        given = measured(where)
        tomogram, deviation = uncertainty_of(make_method(name, device=str(where)), folds=2)(given)
        truth = specimen(64, device=where)
        more = residual_map(tomogram, given), added_share(tomogram, given), fourier_ring_correlation(tomogram, truth)
        found.append((deviation, *more, noise_deviation(given)))
    for there, here in zip(*found, strict=True):
        assert there.device.type == device.type
        torch.testing.assert_close(there.cpu(), here, rtol=0, atol=5e-3 * float(here.abs().max()))


def test_the_program_reconstructs_a_series_there(device, tmp_path):
    volumes = []
    for number, where in enumerate((str(device), "cpu")):
        output = tmp_path / f"{number}.mrc"
        given = ["reconstruct", SAMPLES / "needle.mrc", "--tilts", SAMPLES / "needle.tlt", "-o", output, "--device", where]
        done = CliRunner().invoke(app, [*map(str, given), "--bin", "2", "--method", "lpd", "--trust"])
        assert done.exit_code == 0, done.output
        volumes.append(mrcfile.read(output))
    there, here = volumes
    assert np.linalg.norm(there - here) < 1e-3 * np.linalg.norm(here)
