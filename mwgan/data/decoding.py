"""Decodes scans (NIfTI, DICOM) and photographs to square slices in [0, 1]."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from mwgan.data.canvas import Array, inscribed_disc
from mwgan.errors import InputError, MissingExtraError

AXES = {"sagittal": 0, "coronal": 1, "axial": 2}  # of a volume in RAS order
NIFTI = (".nii", ".nii.gz")
PHOTOGRAPHS = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp")
DICOM_MAGIC = b"DICM"  # after a preamble of 128 bytes
NO_PICTURES = ("SEG", "RTDOSE")  # DICOM modalities: many CT collections contain masks and doses
OWNERS = ("PatientID", "StudyInstanceUID", "SeriesInstanceUID")  # the first one present in a DICOM file identifies the subject
CONTRAST = (0.5, 99.5)  # percentiles of a volume that become 0 and 1 if no window is given


class Decoded(NamedTuple):
    """The content of a file."""

    subject: str | None
    """The subject, if the file has one: a DICOM file's patient, or else its study or series."""
    slices: Array
    """(K, size, size) in [0, 1]."""
    modality: str | None = None
    """The modality, if the file has one: CT, MR …"""


def is_scan(path: Path) -> bool:
    """Whether a file is NIfTI or DICOM; DICOM files often have no suffix, or are named by a UID, which ends in digits."""
    if path.name.endswith(NIFTI) or path.suffix.lower() in (".dcm", ".ima"):
        return True
    if path.suffix and not path.suffix[1:].isdigit():
        return False
    with path.open("rb") as file:
        return file.read(132)[128:] == DICOM_MAGIC


def is_photograph(path: Path) -> bool:
    return path.suffix.lower() in PHOTOGRAPHS


def decode_scan(path: Path, size: int, window: tuple[float, float] | None, axes: Sequence[str]) -> Decoded:
    """The slices of a scan, without nearly empty ones.

    Parameters
    ----------
    path
        A NIfTI or DICOM file.
    size
        Slices are (size, size).
    window
        (centre, width) of the intensities that become 0 to 1, in Hounsfield units for CT; None takes percentiles of the
        file, or the window that a DICOM file states.
    axes
        ``axial``, ``coronal``, ``sagittal``: which slices of a volume. A DICOM file is sliced as stored.
    """
    if path.name.endswith(NIFTI):
        subject, modality, frames = None, None, _nifti(path, axes)
    else:
        subject, modality, frames = _dicom(path)
    low, high = np.percentile(np.concatenate([frame.picture.ravel() for frame in frames]), CONTRAST)
    squares = []
    for frame in frames:
        limits = window or frame.window
        bottom, width = (limits[0] - limits[1] / 2, limits[1]) if limits else (low, high - low)
        if not width > 0:
            raise ValueError("has only one grey level")
        grey: Array = np.clip((frame.picture - bottom) / width, 0, 1)
        squares.append(squared(1 - grey if frame.inverted else grey, size, frame.spacing))
    kept = [square for square in squares if _has_content(square)]
    if not kept:
        raise ValueError("has only empty slices")
    return Decoded(subject, np.stack(kept), modality)


def decode_photograph(path: Path, size: int) -> Decoded:
    """A photograph in grey, upright: its luminance."""
    from PIL import Image, ImageOps

    with Image.open(path) as stored:
        picture = ImageOps.exif_transpose(stored)  # as the camera was held
        if picture.mode == "F":
            raise ValueError("has floating-point numbers, not grey levels")
        if picture.mode.startswith("I"):  # 16 bits, of which converting would cut off all above 255
            grey = np.asarray(picture, dtype=np.float32) / np.float32(65535)
        else:
            grey = np.asarray(picture.convert("L"), dtype=np.float32) / np.float32(255)
    return Decoded(None, squared(grey, size)[None])


def squared(frame: Array, size: int, spacing: tuple[float, float] = (1.0, 1.0)) -> Array:
    """A picture padded to a square of equal pixels, resized to ``size`` and cut to the inscribed disc.

    Every projection of a disc covers all of it; a square's corners leave the detector at some tilts, and
    no method could recover them. Our choice: the papers don't say what they did.

    Parameters
    ----------
    frame
        A picture (H, W) in [0, 1].
    size
        Pixels along each side of the square.
    spacing
        Size of a pixel along rows and columns.
    """
    height, width = frame.shape[0] * spacing[0], frame.shape[1] * spacing[1]
    scale = size / max(height, width)
    target = (max(1, round(height * scale)), max(1, round(width * scale)))
    picture = torch.from_numpy(np.ascontiguousarray(frame))[None, None]
    resized = torch.nn.functional.interpolate(picture, size=target, mode="bilinear", antialias=True, align_corners=False)[0, 0].numpy()
    square: Array = np.zeros((size, size), dtype=np.float32)
    top, left = (size - target[0]) // 2, (size - target[1]) // 2
    square[top : top + target[0], left : left + target[1]] = resized
    cut: Array = np.clip(square * inscribed_disc(size), 0, 1)
    return cut


def _has_content(square: Array) -> bool:
    """Whether more than a twentieth of the square is brighter than a tenth: the first and last slices of a head are air."""
    return float((square > 0.1).mean()) > 0.05


class Frame(NamedTuple):
    """A picture as stored in its file."""

    picture: Array
    """(H, W), in the file's units."""
    spacing: tuple[float, float]
    """Size of a pixel along rows and columns."""
    window: tuple[float, float] | None = None
    """(centre, width) from the file."""
    inverted: bool = False
    """Whether the largest value is the darkest."""


def _nifti(path: Path, axes: Sequence[str]) -> list[Frame]:
    try:
        import nibabel
    except ImportError as error:
        raise MissingExtraError("reading NIfTI scans", "nibabel", "pip install 'mwgan[data]'") from error
    unknown = set(axes) - set(AXES)
    if unknown or not axes:
        raise InputError(f"axes must be some of {', '.join(AXES)}: got {list(axes)}")
    image: Any = nibabel.as_closest_canonical(nibabel.load(path))  # type: ignore[attr-defined,no-untyped-call]
    volume = np.nan_to_num(np.asarray(image.dataobj, dtype=np.float32))  # outside a mask some programs write NaN
    if volume.ndim < 3:
        raise ValueError("is not a volume")
    volume = volume.reshape(*volume.shape[:3], -1)[..., 0]  # of a time series the first volume
    zooms = [float(zoom) for zoom in image.header.get_zooms()[:3]]
    frames = []
    for name in axes:
        axis = AXES[name]
        across, up = (other for other in range(3) if other != axis)
        frames += [Frame(picture.T[::-1], (zooms[up], zooms[across])) for picture in np.moveaxis(volume, axis, 0)]  # up is up
    return frames


def _dicom(path: Path) -> tuple[str | None, str | None, list[Frame]]:
    try:
        import pydicom
        from pydicom.pixels import apply_modality_lut  # type: ignore[attr-defined]
    except ImportError as error:
        raise MissingExtraError("reading DICOM scans", "pydicom", "pip install 'mwgan[data]'") from error
    file = pydicom.dcmread(path)
    if file.get("SamplesPerPixel", 1) != 1 or file.get("PhotometricInterpretation") == "PALETTE COLOR":
        raise ValueError("is a colour picture, not a scan")
    if file.get("Modality") in NO_PICTURES:
        raise ValueError(f"is not an image but of modality {file.Modality}")
    pixels = _rescaled(apply_modality_lut(file.pixel_array, file).astype(np.float32), file)  # slope and intercept, or the table
    measures = _of_frame(file, "PixelMeasuresSequence", 0) or file
    spacing = [float(value) for value in measures.get("PixelSpacing") or (1.0, 1.0)]
    centre, width = (_first(file.get(name)) for name in ("WindowCenter", "WindowWidth"))
    window = None if centre is None or width is None or width <= 0 else (centre, width)
    inverted = file.get("PhotometricInterpretation") == "MONOCHROME1"
    frames = [Frame(picture, (spacing[0], spacing[1]), window, inverted) for picture in pixels]
    owner = next((file.get(name) for name in OWNERS if file.get(name)), "")
    return str(owner) or None, str(file.get("Modality") or "") or None, frames


def _rescaled(pixels: Array, file: Any) -> Array:
    """Pixels after the rescaling of each frame in enhanced multi-frame files; others have none."""
    frames = pixels.reshape(-1, *pixels.shape[-2:])
    for number, frame in enumerate(frames):
        rescale = _of_frame(file, "PixelValueTransformationSequence", number)
        if rescale is not None:
            frames[number] = frame * float(rescale.RescaleSlope) + float(rescale.RescaleIntercept)
    return frames


def _of_frame(file: Any, name: str, number: int) -> Any:
    """A per-frame or shared attribute of an enhanced multi-frame file; None if it is missing."""
    own, shared = file.get("PerFrameFunctionalGroupsSequence") or [], file.get("SharedFunctionalGroupsSequence") or []
    for group in (*own[number : number + 1], *shared):
        if group.get(name):
            return group[name][0]
    return None


def _first(element: Any) -> float | None:
    """The first number of a DICOM element with none, one or several."""
    if element is None:
        return None
    return float(element[0] if isinstance(element, Sequence) and not isinstance(element, str) and len(element) else element)
