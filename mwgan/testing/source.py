"""Whether an image source gives what a training, on any number of workers, relies on."""

from __future__ import annotations

import json
import pickle
from typing import Any

import numpy as np

from mwgan.data.augmentation import Augmentation
from mwgan.data.source import ImageSource, PlainSource, as_source
from mwgan.testing.subject import Subject

LOOKED_AT = 4  # images


def check_source(source: PlainSource, draws_pose: bool = False, images: int = LOOKED_AT) -> None:
    """Raise an AssertionError, in one sentence, unless ``source`` gives the images that a training relies on.

    It has a ``name``, a ``size`` N and a length; image k is (N, N) float32 in [0, 1] and always the same one, in whatever order images
    are asked for, whatever the global random state, and in another process; whoever changes an image they were given
    changes nothing of the source; an image beyond the last is an IndexError.

    Parameters
    ----------
    source
        An :class:`~mwgan.data.ImageSource`, or any class with ``name``, ``size``, ``__len__`` and ``image``.
    draws_pose
        Whether the generator that ``image`` is given moves the image, as :class:`~mwgan.data.PhantomFaces` with ``augment``; the
        same generator must give the same pose even then. If False it changes nothing at all.
    images
        How many images are looked at.
    """
    subject = Subject(source)
    for name, kind in (("name", str), ("size", (int, np.integer))):
        value = getattr(source, name, None)
        subject.require(isinstance(value, kind) and bool(value), f"has no {name}")
    subject.require(callable(getattr(source, "image", None)), "has no method image(index, rng)")
    subject.require(hasattr(source, "__len__") and len(source) >= 1, "has no length, or no image at all")
    count = min(images, len(source))
    drawn = [_image(subject, source, index) for index in range(count)]
    _check_same(subject, source, drawn, draws_pose)
    if count > 1:
        subject.require(any(not np.array_equal(drawn[0], other) for other in drawn[1:]), "gives the same image under every index")
    copied = subject.ask(lambda: pickle.loads(pickle.dumps(source)), of="a worker process to be sent to (pickle)")
    subject.require(np.array_equal(_image(subject, copied, count - 1), drawn[-1]), "gives another image in a worker process")
    try:
        source.image(len(source), np.random.default_rng(0))
    except IndexError:
        pass
    else:
        raise AssertionError(f"{subject.name} gives an image {len(source)} of {len(source)}, which is an IndexError")
    _check_told(subject, as_source(source))


def _image(subject: Subject, source: PlainSource, index: int, seed: int = 0) -> Any:
    found = subject.ask(source.image, index, np.random.default_rng(seed), of=f"image {index}")
    if not isinstance(found, np.ndarray):
        raise AssertionError(f"{subject.name} gives a {type(found).__name__} and no numpy array, as image {index}")
    subject.require(found.shape == (source.size, source.size), f"gives {found.shape}, not ({source.size}, {source.size}), as image {index}")
    subject.require(found.dtype == np.float32, f"gives {found.dtype}, not float32, as image {index}")
    low, high = float(found.min()), float(found.max())
    subject.require(low >= 0 and high <= 1, f"gives values from {low:g} to {high:g}, not within [0, 1], as image {index}")
    return found.copy()


def _check_same(subject: Subject, source: PlainSource, drawn: list[Any], draws_pose: bool) -> None:
    """The same images when they are asked for again, in another order and with other random numbers."""
    for index in reversed(range(len(drawn))):
        kept = np.random.get_state()  # noqa: NPY002 - the generator that a source should not ask
        try:
            np.random.seed(4711 + index)  # noqa: NPY002
            subject.require(np.array_equal(_image(subject, source, index), drawn[index]), f"gives another image {index} the second time")
        finally:
            np.random.set_state(kept)  # noqa: NPY002
        if not draws_pose:
            sentence = (
                f"gives another image {index} for another generator: that draws a pose, never content (if it does, say draws_pose=True)"
            )
            subject.require(np.array_equal(_image(subject, source, index, seed=1), drawn[index]), sentence)
    given = source.image(0, np.random.default_rng(0))
    if given.flags.writeable:
        given[:] = 0.5
    subject.require(
        np.array_equal(_image(subject, source, 0), drawn[0]), "gives away its own memory: an image that is changed comes back changed"
    )


def _check_told(subject: Subject, source: ImageSource) -> None:
    """What else a source may say of its images."""
    poses, origin, background = source.augmentation(0), source.origin(0), source.background(0)
    subject.require(isinstance(poses, Augmentation), "has an augmentation(index) that is no mwgan.data.Augmentation")
    subject.require(origin is None or isinstance(origin, str), f"says that image 0 is of {origin!r}, which is neither text nor None")
    shape = (source.size, source.size) if background is None else np.asarray(background).shape
    subject.require(
        shape == (source.size, source.size), f"gives image 0 without its features as {shape}, not ({source.size}, {source.size})"
    )
    try:
        json.dumps(source.describe())
    except (TypeError, ValueError) as error:
        said = f"{subject.name} describes itself by what can't go into a run's record ({error}): give plain values"
        raise AssertionError(said) from error
