"""Evaluation of methods over wedges and images into one results table; classical methods are tuned first."""

from mwgan.evaluation.conditions import Conditions
from mwgan.evaluation.confidence import Confidence
from mwgan.evaluation.evaluate import evaluate
from mwgan.evaluation.method import Method
from mwgan.evaluation.tuning import tune
from mwgan.results.table import ResultsTable

__all__ = ["Conditions", "Confidence", "Method", "ResultsTable", "evaluate", "tune"]
