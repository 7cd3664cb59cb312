"""Makes tooth.mrc and tooth.tlt from TomoPy's tooth.h5: ``python make.py tooth.h5`` (needs h5py, which mwgan does not)."""

import sys
from pathlib import Path

import h5py
import mrcfile
import numpy as np

AXIS = 295.5  # the column on which the rotation axis falls
WIDTH = 384  # columns kept, the axis in their middle: 6 x 64, 3 x 128
AIR = np.r_[0:90, 470:640]  # columns that the tooth never shadows

with h5py.File(sys.argv[1]) as file:
    counts, white, dark = (file[f"exchange/{name}"][:].astype(np.float64) for name in ("data", "data_white", "data_dark"))
transmitted = (counts - dark.mean(axis=0)) / (white.mean(axis=0) - dark.mean(axis=0))
lines = -np.log(transmitted)[:180]  # the 181st image is the first one seen from behind

# The beam drifts by a few thousandths between flat fields and images: a straight line through the air sets it to 0.
column = np.arange(lines.shape[2]) - AXIS
fit = np.polynomial.polynomial.polyfit(column[AIR], lines[:, :, AIR].reshape(-1, len(AIR)).T, deg=1)
lines -= np.polynomial.polynomial.polyval(column, fit).reshape(lines.shape)

start = int(AXIS + 0.5) - WIDTH // 2
here = Path(__file__).parent
with mrcfile.new(here / "tooth.mrc", overwrite=True) as series:
    series.set_data(lines[:, :, start : start + WIDTH].astype(np.float16))
    series.header.label[0] = b"Tooth, from TomoPy; line integrals, axis centred"
    series.header.nlabl = 1
(here / "tooth.tlt").write_text("".join(f"{tilt}\n" for tilt in range(-90, 90)))
