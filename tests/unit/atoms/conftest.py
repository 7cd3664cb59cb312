"""What the tests of atoms share."""

from __future__ import annotations

import pytest
from gold_case import Case, made


@pytest.fixture(scope="session")
def easy() -> Case:
    return made(60.0, 2.0)
