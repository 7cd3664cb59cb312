"""Batch processing by a recipe file: many series are aligned, reconstructed and measured, with a summary page."""

from mwgan.recipes.recipe import Recipe, read_recipe, template
from mwgan.recipes.running import Outcome, run_series
from mwgan.recipes.steps import Step, steps_of
from mwgan.recipes.summary import write_summary

__all__ = ["Outcome", "Recipe", "Step", "read_recipe", "run_series", "steps_of", "template", "write_summary"]
