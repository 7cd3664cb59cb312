from __future__ import annotations

from mwgan.errors import InputError, MissingExtraError


def test_input_errors_are_value_errors_that_a_caller_may_catch():
    assert issubclass(InputError, ValueError)
    assert issubclass(MissingExtraError, InputError)


def test_a_missing_extra_names_feature_package_and_remedy():
    message = str(MissingExtraError("the ASTRA projector", "astra-toolbox", "pip install 'mwgan[astra]'"))
    assert message == "the ASTRA projector needs the package astra-toolbox, which is not installed: pip install 'mwgan[astra]'"
