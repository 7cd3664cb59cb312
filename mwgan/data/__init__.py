"""Image sources for training and testing, and the DataModule that turns them into batches."""

from mwgan.data.augmentation import Augmentation
from mwgan.data.challenge import Challenge
from mwgan.data.dead_leaves import DeadLeaves
from mwgan.data.folder_images import Photographs, ScanSlices
from mwgan.data.measured_series import MeasuredSeries
from mwgan.data.mixed_sources import MixedSources
from mwgan.data.nanocrystals import Nanocrystals
from mwgan.data.phantom_faces import PhantomFaces
from mwgan.data.random_shapes import RandomShapes
from mwgan.data.series_slices import SeriesSlices
from mwgan.data.source import ImageSource, as_source
from mwgan.data.specimens import Specimens

__all__ = [
    "Augmentation",
    "Challenge",
    "DeadLeaves",
    "ImageSource",
    "MeasuredSeries",
    "MixedSources",
    "Nanocrystals",
    "PhantomFaces",
    "Photographs",
    "RandomShapes",
    "ScanSlices",
    "SeriesSlices",
    "Specimens",
    "as_source",
]
