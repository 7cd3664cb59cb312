"""Methods, wedges and images into one results table; classical methods tuned first."""

from mwgan.evaluation.confidence import Confidence
from mwgan.evaluation.evaluate import Method, evaluate
from mwgan.evaluation.tuning import tune
from mwgan.results.table import ResultsTable

__all__ = ["Confidence", "Method", "ResultsTable", "evaluate", "tune"]
