"""What the tests share: one thread, small geometries, and images whose truth is known."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir
from hypothesis import settings
from omegaconf import DictConfig
from torch import Tensor

from mwgan.data import PhantomFaces
from mwgan.geometry import TiltGeometry
from mwgan.paths import conf_dir

torch.set_num_threads(1)
os.environ["OMP_NUM_THREADS"] = "1"  # programs started by tests too: many small steps lose time to waiting threads
settings.register_profile("mwgan", deadline=None, max_examples=40)
settings.load_profile("mwgan")


def pytest_collection_finish() -> None:
    """What is loaded by now stays: Python needn't look through it for garbage again and again, a fifth of many a test's time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _modules_of_one_test(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Forget what a test imported from its own folder: the next one may have a module of that name, too."""
    before = len(sys.modules)
    yield
    if len(sys.modules) != before:
        base = str(tmp_path_factory.getbasetemp())
        for name, module in list(sys.modules.items()):
            if str(getattr(module, "__file__", None) or "").startswith(base):
                del sys.modules[name]


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.fixture
def geometry() -> TiltGeometry:
    """36 tilts, 32 detector pixels."""
    return TiltGeometry.full(32, 5.0)


@pytest.fixture(scope="session")
def disc() -> Callable[..., Tensor]:
    """``disc(size, radius, x, z, value)``: a slice (1, 1, N, N) with a disc, each pixel holding the share it covers."""

    def draw(size: int, radius: float, x: float = 0.0, z: float = 0.0, value: float = 1.0, dtype: torch.dtype = torch.float32) -> Tensor:
        fine = 8
        position = (np.arange(size * fine) + 0.5) / fine - 0.5 - (size - 1) / 2
        inside = (position[None, :] - x) ** 2 + (position[:, None] - z) ** 2 <= radius**2
        share = inside.reshape(size, fine, size, fine).mean(axis=(1, 3))
        return torch.from_numpy(share * value)[None, None].to(dtype)

    return draw


@pytest.fixture
def faces() -> Tensor:
    """Three phantom faces (3, 1, 32, 32)."""
    source = PhantomFaces(size=32, count=3)
    return torch.stack([torch.from_numpy(source.image(index, np.random.default_rng(0))) for index in range(3)]).unsqueeze(1)


@pytest.fixture
def run_config(tmp_path: Path) -> Callable[..., DictConfig]:
    """``run_config(*overrides, folder=...)``: mwgan-train's configuration, quiet, with its output in the test's folder."""

    def make(*overrides: str, folder: str = "run") -> DictConfig:
        quiet = ["callbacks.progress_bar=null", "trainer.enable_progress_bar=false", "trainer.accelerator=cpu"]
        with initialize_config_dir(str(conf_dir()), version_base="1.3"):
            return compose("train", overrides=[*overrides, *quiet, f"paths.output_dir='{tmp_path / folder}'"])

    return make


@pytest.fixture(scope="session")
def write_nifti() -> Callable[..., Path]:
    """``write_nifti(path, volume, affine)``: a NIfTI scan, its axes pointing right, to the front and up unless ``affine`` says else."""
    nibabel = pytest.importorskip("nibabel", reason="NIfTI scans need nibabel")

    def write(path: Path, volume: np.ndarray, affine: np.ndarray | None = None) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        nibabel.save(nibabel.Nifti1Image(volume, np.eye(4) if affine is None else affine), path)
        return path

    return write


@pytest.fixture(scope="session")
def write_dicom() -> Callable[..., Path]:
    """``write_dicom(path, pixels, PatientID=..., ...)``: a DICOM file of int16 ``pixels`` ([frames,] rows, columns)."""
    pydicom = pytest.importorskip("pydicom", reason="DICOM scans need pydicom")

    def write(path: Path, pixels: np.ndarray, **elements: Any) -> Path:
        file = pydicom.Dataset()
        file.file_meta = pydicom.dataset.FileMetaDataset()
        file.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        file.SOPClassUID = file.file_meta.MediaStorageSOPClassUID = pydicom.uid.CTImageStorage
        file.SOPInstanceUID = file.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4"
        file.Rows, file.Columns = pixels.shape[-2:]
        if pixels.ndim == 3:
            file.NumberOfFrames = len(pixels)
        file.BitsAllocated, file.BitsStored, file.HighBit, file.PixelRepresentation = 16, 16, 15, 1
        file.SamplesPerPixel, file.PhotometricInterpretation = 1, "MONOCHROME2"
        file.PixelData = pixels.astype("<i2").tobytes()
        for name, value in elements.items():
            setattr(file, name, value)
        path.parent.mkdir(parents=True, exist_ok=True)
        file.save_as(path, enforce_file_format=True)
        return path

    return write


@pytest.fixture(scope="session")
def write_photograph() -> Callable[..., Path]:
    """``write_photograph(path, pixels, mode, **options)``: a picture of ``pixels``, or of noise that ``path``'s name decides."""
    from PIL import Image

    def write(path: Path, pixels: np.ndarray | None = None, mode: str | None = None, **options: Any) -> Path:
        if pixels is None:
            pixels = np.random.default_rng(list(path.name.encode())).integers(0, 256, (12, 16, 3), dtype=np.uint8)
        path.parent.mkdir(parents=True, exist_ok=True)
        picture = Image.fromarray(pixels)
        (picture if mode is None else picture.convert(mode)).save(path, **options)
        return path

    return write
