"""Methods, wedges and images into one results table; classical methods tuned first."""

from mwgan.evaluation.confidence import Confidence
from mwgan.evaluation.evaluate import Method, evaluate
from mwgan.evaluation.results import ResultsTable
from mwgan.evaluation.tuning import tune

__all__ = ["Confidence", "Method", "ResultsTable", "evaluate", "tune"]
