"""Errors that are the input's fault, not the program's: one sentence that names the thing and the remedy."""


class InputError(ValueError):
    """Something the user gave can't be used. The command line prints the message and exits with code 2."""


class MissingExtraError(InputError):
    """An optional package is not installed; the message names the extra that brings it."""

    def __init__(self, feature: str, package: str, remedy: str) -> None:
        super().__init__(f"{feature} needs the package {package}, which is not installed: {remedy}")
