"""A checkout that was never installed, for every Python process that has this folder on its path: nobody knows a package mwgan."""

import importlib.metadata as metadata

really_one, really_all = metadata.distribution, metadata.distributions


def distribution(name):
    if name == "mwgan":
        raise metadata.PackageNotFoundError(name)
    return really_one(name)


def distributions(**options):
    return (found for found in really_all(**options) if found.metadata["Name"] != "mwgan")


metadata.distribution, metadata.distributions = distribution, distributions
