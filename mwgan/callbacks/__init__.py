"""Lightning callbacks: what a run shows and writes down about itself."""

from mwgan.callbacks.image_panels import ImagePanels
from mwgan.callbacks.run_summary import RunSummary

__all__ = ["ImagePanels", "RunSummary"]
