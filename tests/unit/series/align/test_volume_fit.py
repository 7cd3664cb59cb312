"""The volume that an alignment goes on improving."""

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
    ours = left(fit.explain(IMAGES, KNOWN, 20))
    rows = torch.from_numpy(IMAGES.swapaxes(0, 1).copy()).unsqueeze(1)
    measurement = Measurement(rows, torch.ones(len(TILTS), dtype=torch.bool), TiltGeometry(tuple(TILTS), 32))
    theirs = relative_residual(SIRT(iterations=20)(measurement), measurement)
    assert ours < 0.7 * float(theirs[theirs > 0].mean())
    assert left(fit.explain(IMAGES, KNOWN, 20)) < ours


def test_what_is_not_known_is_not_explained():
    spoilt, known = IMAGES.copy(), KNOWN.copy()
    spoilt[:, 16, :5], known[:, 16, :5] = 1e4, False
    assert left(VolumeFit(TILTS, 32).explain(spoilt, known, 20)) < 0.2


def test_room_beside_the_detector_takes_what_some_tilts_do_not_see():
    cut = np.ascontiguousarray(IMAGES[:, :, 8:24])
    known = np.ones(cut.shape, bool)
    assert left(VolumeFit(TILTS, 16, margin=6).explain(cut, known, 30), cut) < left(VolumeFit(TILTS, 16).explain(cut, known, 30), cut)
