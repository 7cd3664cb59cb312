"""Lightning callbacks: what a run shows and writes down about itself."""

from mwgan.callbacks.image_panels import ImagePanels
from mwgan.callbacks.last_checkpoint import LastCheckpoint
from mwgan.callbacks.peak_memory import PeakMemory
from mwgan.callbacks.run_summary import RunSummary
from mwgan.callbacks.wedge_metrics import WedgeMetrics
from mwgan.callbacks.whole_checkpoints import WholeCheckpoints

__all__ = ["ImagePanels", "LastCheckpoint", "PeakMemory", "RunSummary", "WedgeMetrics", "WholeCheckpoints"]
