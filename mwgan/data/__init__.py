"""Images to learn from: sources, and the DataModule that turns them into batches."""

from mwgan.data.mixed_sources import MixedSources
from mwgan.data.phantom_faces import PhantomFaces
from mwgan.data.random_shapes import RandomShapes
from mwgan.data.source import ImageSource

__all__ = ["ImageSource", "MixedSources", "PhantomFaces", "RandomShapes"]
