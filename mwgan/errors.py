"""Errors caused by the input: one sentence with the cause and the remedy."""


class InputError(ValueError):
    """Invalid input. The command line prints the message and exits with code 2."""


class MissingExtraError(InputError):
    """An optional package is not installed; the message names the extra to install."""

    def __init__(self, feature: str, package: str, remedy: str) -> None:
        super().__init__(f"{feature} needs the package {package}, which is not installed: {remedy}")
