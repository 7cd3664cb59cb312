"""Lightning callbacks: what a run displays, logs and saves."""

from mwgan.callbacks.atomic_checkpoints import AtomicCheckpoints
from mwgan.callbacks.csv_log import CSVLog
from mwgan.callbacks.image_panels import ImagePanels
from mwgan.callbacks.images_per_second import ImagesPerSecond
from mwgan.callbacks.last_checkpoint import LastCheckpoint
from mwgan.callbacks.model_flops import ModelFlops
from mwgan.callbacks.peak_memory import PeakMemory
from mwgan.callbacks.run_summary import RunSummary
from mwgan.callbacks.stop_signals import Stopped
from mwgan.callbacks.trackio_log import TrackioLog
from mwgan.callbacks.wedge_metrics import WedgeMetrics

__all__ = [
    "AtomicCheckpoints",
    "CSVLog",
    "ImagePanels",
    "ImagesPerSecond",
    "LastCheckpoint",
    "ModelFlops",
    "PeakMemory",
    "RunSummary",
    "Stopped",
    "TrackioLog",
    "WedgeMetrics",
]
