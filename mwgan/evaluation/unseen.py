"""Networks must not be evaluated on images of subjects that they were trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mwgan.data.source import PlainSource, as_source
from mwgan.data.subjects import among, some
from mwgan.errors import InputError


def check_unseen(network: str, trained_on: Sequence[Mapping[str, Any]], sources: Sequence[PlainSource]) -> None:
    """Refuse ``sources`` (of test and tuning images) with a subject that the network was trained on.

    Parameters
    ----------
    network
        Its name in messages.
    trained_on
        The record of each source of its training; sources with the same name are taken as the same. Older records without
        subjects pass.
    sources
        The sources it is about to be evaluated on.
    """
    for source in (one for whole in sources for one in as_source(whole).real_sources()):
        hashes = [hashed for record in trained_on if record.get("name") == source.name for hashed in record.get("subject_hashes", ())]
        known = among(source.subjects, hashes)
        if known:
            raise InputError(
                f"{network} was trained on subjects of {source.name} that this evaluation uses for testing or tuning ({some(known)}): "
                "give the data.set_aside and data.seed of its training (or, if they only share their names, the source another name)"
            )
