"""The registry of figures by name, each with the part of a results table that it needs.

Your own figure is a function in a module given by ``mwgan-figures figure_modules=[…]``, or in the module ``figures``
of an installed part of mwgan (see :mod:`mwgan.parts`)::

    from mwgan.figures.registry import Needs, figure

    @figure("my_figure", needs=Needs.WEDGES)
    def my_figure(results):
        ...
        return drawn  # a matplotlib Figure, or a DataFrame to be written as csv
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Collection, Mapping
from enum import Enum
from functools import partial
from importlib.util import find_spec
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from pandas import DataFrame

from mwgan.errors import InputError
from mwgan.parts import installed_parts
from mwgan.results.kept import truth
from mwgan.results.recorded import Recorded
from mwgan.results.selection import of_one_sinogram, of_one_wedge

Drawn = Figure | DataFrame
Drawing = TypeVar("Drawing", bound=Callable[..., Drawn])
Measure = Callable[[npt.NDArray[np.float32], float, float], Mapping[str, Any]]
"""Maps a kept image (N, N), the tilt step and the missing wedge in degrees to the arrays of :attr:`Needs.MEASUREMENT`."""


class Needs(Enum):
    """The data of a figure: the arguments that its function may have, besides the options of :func:`draw`."""

    ONE_IMAGE = "one kept image of one wedge: results, tomograms, image"
    IMAGES = "several kept images of one wedge: results, tomograms, images"
    IMAGE_BY_WEDGE = "one kept image at every wedge: results, tomograms, image, sinogram (the kind to show)"
    MEASUREMENT = "one kept image acquired again: image, sinogram, measured, tilt_deg, wedge_deg; and the results: tomogram, centred"
    ONE_WEDGE = "the rows of one wedge and noise level, both kinds of sinogram: results"
    ONE_WEDGE_AND_SINOGRAM = "the rows of one wedge, noise level and kind of sinogram: results, sinogram"
    WEDGES = "the rows of one noise level and kind of sinogram: results, sinogram"
    NOISE_LEVELS = "the rows of one kind of sinogram, all noise levels: results, sinogram"


class Registered(NamedTuple):
    """A figure, or a family of them."""

    drawing: Callable[..., Drawn]
    needs: Needs


FAMILY = "{metric}"  # in a name: one figure for every metric, whose function takes the metric's name as ``metric``
FIGURES: dict[str, Registered] = {}


def figure(name: str, needs: Needs) -> Callable[[Drawing], Drawing]:
    """Register a function as the figure ``name``; with ``{metric}`` in the name as one figure for every metric of a table.

    Raises
    ------
    InputError
        If another figure has that name.
    """

    def register(drawing: Drawing) -> Drawing:
        known = FIGURES.get(name)
        if known is not None and _place(known.drawing) != _place(drawing):
            raise InputError(f"{_place(known.drawing)} and {_place(drawing)} are both called {name}: give yours another name")
        FIGURES[name] = Registered(drawing, needs)
        return drawing

    return register


def register_others(modules: Collection[str] = ()) -> None:
    """Import external figures: ``modules``, and the module ``figures`` of every installed part that has one.

    Raises
    ------
    InputError
        If one of them can't be imported.
    """
    of_parts = [name for name in (f"{part}.figures" for part in installed_parts()) if _is_there(name)]
    for module in (*of_parts, *modules):
        try:
            importlib.import_module(module)
        except ImportError as error:
            raise InputError(
                f"the figures of {module} can't be imported ({error}): install its package, or start where Python finds it (PYTHONPATH)"
            ) from error


def drawings(recorded: Recorded, names: Collection[str], options: Mapping[str, Any], measure: Measure) -> dict[str, Callable[[], Drawn]]:
    """Functions that draw each of ``names``.

    Parameters
    ----------
    recorded
        The table.
    names
        Figures, and members of families: ``psnr_by_wedge``.
    options
        Further options: ``columns``, ``trained_deg`` and so on. Each figure gets those that its function has as arguments.
    measure
        Acquires a kept image again.

    Raises
    ------
    InputError
        If no figure is named, or one is unknown; the message lists those available.
    """
    known = {name: partial(_draw, of, recorded, dict(options), measure) for name, of in FIGURES.items() if FAMILY not in name}
    if any(name not in known for name in names):
        for family, of in FIGURES.items():
            if FAMILY in family:
                members = {metric: family.replace(FAMILY, metric) for metric in recorded.metrics}
                known |= {name: partial(_draw, of, recorded, {**options, "metric": metric}, measure) for metric, name in members.items()}
    if not names:
        raise InputError(f"figures=[] draws nothing: choose from {', '.join(sorted(known))}")
    absent = [name for name in names if name not in known]
    if absent:
        raise InputError(f"there is no figure {', '.join(absent)}: choose from {', '.join(sorted(known))}")
    return {name: known[name] for name in names}


def _draw(figure: Registered, recorded: Recorded, options: Mapping[str, Any], measure: Measure) -> Drawn:
    asked = set(inspect.signature(figure.drawing).parameters)
    given = {name: value for name, value in options.items() if name in asked}
    if figure.needs is Needs.MEASUREMENT:
        image = truth(recorded.tomograms, recorded.image)
        measured = measure(image, recorded.step_deg, recorded.wedge_deg)
        return figure.drawing(**given, **{name: value for name, value in measured.items() if name in asked})
    tell: dict[str, Callable[[Recorded], Any]] = {**_TOLD, "results": _ROWS[figure.needs]}
    return figure.drawing(**given, **{name: tell[name](recorded) for name in tell if name in asked})


_TOLD: dict[str, Callable[[Recorded], Any]] = {
    "sinogram": lambda recorded: recorded.sinogram,
    "tomograms": lambda recorded: recorded.tomograms,
    "image": lambda recorded: recorded.image,
    "images": lambda recorded: recorded.images,
}
_ROWS: dict[Needs, Callable[[Recorded], DataFrame]] = {
    Needs.ONE_IMAGE: lambda recorded: of_one_wedge(recorded.shown),
    Needs.IMAGES: lambda recorded: of_one_wedge(recorded.shown),
    Needs.IMAGE_BY_WEDGE: lambda recorded: recorded.shown,
    Needs.ONE_WEDGE: lambda recorded: of_one_wedge(recorded.results),
    Needs.ONE_WEDGE_AND_SINOGRAM: lambda recorded: of_one_wedge(of_one_sinogram(recorded.results, recorded.choice.sinogram)),
    Needs.WEDGES: lambda recorded: of_one_sinogram(recorded.results, recorded.choice.sinogram),
    Needs.NOISE_LEVELS: lambda recorded: of_one_sinogram(recorded.everything, recorded.choice.sinogram),
}


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ImportError:  # its package is missing, or is a single module
        return False


def _place(drawing: Callable[..., Any]) -> str:
    return f"{drawing.__module__}.{drawing.__qualname__}"
