"""Images to learn from: sources, and the DataModule that turns them into batches."""

from mwgan.data.phantom_faces import PhantomFaces
from mwgan.data.source import ImageSource

__all__ = ["ImageSource", "PhantomFaces"]
