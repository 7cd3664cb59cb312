"""The volume that an alignment continues improving."""

import numpy as np
import torch
from moved_bodies import projected

from mwgan.geometry import Measurement, TiltGeometry
from mwgan.recon import SIRT
from mwgan.series.align.volume_fit import VolumeFit
from mwgan.trust import relative_residual

TILTS = np.arange(-60.0, 61.0, 10.0)
IMAGES = projected(32, TILTS, np.zeros((len(TILTS), 2)))
KNOWN = np.ones(IMAGES.shape, bool)


def left(projections, images=IMAGES):
    return np.linalg.norm(projections - images) / np.linalg.norm(images)


def test_it_explains_more_than_as_many_passes_of_sirt():
    fit = VolumeFit(TILTS, 32)
    ours = left(fit.improve(IMAGES, KNOWN, 20))
    rows = torch.from_numpy(IMAGES.swapaxes(0, 1).copy()).unsqueeze(1)
    measurement = Measurement(rows, torch.ones(len(TILTS), dtype=torch.bool), TiltGeometry(tuple(TILTS), 32))
    theirs = relative_residual(SIRT(iterations=20)(measurement), measurement)
    assert ours < 0.7 * float(theirs[theirs > 0].mean())
    assert left(fit.improve(IMAGES, KNOWN, 20)) < ours


def test_what_is_not_known_is_not_explained():
    spoilt, known = IMAGES.copy(), KNOWN.copy()
    spoilt[:, 16, :5], known[:, 16, :5] = 1e4, False
    assert left(VolumeFit(TILTS, 32).improve(spoilt, known, 20)) < 0.2


def test_room_beside_the_detector_takes_what_only_some_tilts_see():
    """A rod along the beam, beside the field at no tilt and in it at others."""
    tilts = np.radians(TILTS)
    images = np.zeros((len(TILTS), 4, 32), np.float32)
    for number, tilt in enumerate(tilts):
        place = np.arange(32) - 15.5
        images[number] = np.exp(-0.5 * ((place - 20 * np.cos(tilt)) / 2) ** 2)
    known = np.ones(images.shape, bool)
    wide, narrow = (VolumeFit(TILTS, 32, margin).improve(images, known, 30) for margin in (10, 0))
    assert left(wide, images) < 0.5 * left(narrow, images)
