"""Nanotubes: with one wall or several, straight or bent, empty, filled, or with a particle at the end."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mwgan.data.canvas import Points
from mwgan.data.specimens.body import Body
from mwgan.data.specimens.placing import REACH, directions, middle
from mwgan.data.specimens.solids import Ball, Rod, Tube


def tubes(rng: np.random.Generator) -> Body:
    """One wide tube, or up to eleven that may cross."""
    body = Body()
    wide = rng.random() < 0.35
    value = rng.uniform(0.4, 0.9)
    for _ in range(1 if wide else int(rng.integers(3, 12))):
        radius = rng.uniform(0.25, 0.5) if wide else rng.uniform(0.07, 0.22)
        tip = min(1.15 * radius, 0.2) if rng.random() < 0.2 else 0.0
        _draw_tube(body, _line(rng, radius, tip), tip, value * rng.uniform(0.85, 1.0), rng)
    return body


def _line(rng: np.random.Generator, radius: float, tip: float) -> Rod:
    """A tube's outer surface, straight or bent, that lies in the cylinder with the particle at its end."""
    axis = directions(rng, 1)[0]
    if rng.random() < 0.4:  # lying in the microscope's field rather than standing in it
        axis[1] *= 0.3
        axis /= np.linalg.norm(axis)
    half = rng.uniform(0.5, 1.0) * REACH / max(float(np.hypot(axis[0], axis[2])), 0.6)
    bend = np.zeros(3)
    if rng.random() < 0.5:
        aside = np.cross(axis, directions(rng, 1)[0])
        bend = aside / np.linalg.norm(aside) * rng.uniform(0.1, 0.8) / half
    while True:
        line = Rod(np.zeros(3), axis, half, radius, round_ends=False, bend=bend)
        points = np.stack([_on(line, along) for along in np.linspace(-half, half, 9)])[:, [0, 2]]
        centre = (points.min(axis=0) + points.max(axis=0)) / 2
        around = float(np.linalg.norm(points - centre, axis=1).max()) + max(radius, tip)
        if around <= REACH:
            return line.moved(middle(rng, around, furthest=1.2) - np.array([centre[0], 0.0, centre[1]]))
        half *= 0.85


def _draw_tube(body: Body, line: Rod, tip: float, value: float, rng: np.random.Generator) -> None:
    thick = line.radius * rng.uniform(0.15, 0.5)
    inside = rng.uniform(0.02, 0.25) if rng.random() < 0.3 else 0.0
    body.paint(Tube(line, line.radius), inside, shown=False)
    walls = int(rng.integers(1, 6)) if thick > 0.06 else 1
    for number in range(walls):
        outer = line.radius - thick * number / walls
        gap = 0.0 if walls == 1 else 0.45 * thick / walls
        body.paint(Tube(replace(line, radius=outer), thick / walls - gap), value, shown=False)
    body.shown.append(Ball(_on(line, rng.uniform(-0.7, 0.7) * line.half), line.radius / 4))
    bore = line.radius - thick
    if rng.random() < 0.35 and bore > 0.03:  # peas in a pod
        peas = np.arange(-line.half + bore, line.half - bore, 2.2 * bore)
        for along in peas[rng.random(len(peas)) < 0.7]:
            body.paint(Ball(_on(line, along), 0.9 * bore), rng.uniform(0.7, 1.0), shown=False)
    if tip:  # the particle that it grew from
        body.paint(Ball(_on(line, line.half), tip), rng.uniform(0.8, 1.0), shown=False)


def _on(line: Rod, along: float) -> Points:
    """The point of a tube's line so far from its middle."""
    aside = np.zeros(3) if line.bend is None else line.bend
    found: Points = line.middle + along * line.axis + aside * along**2 / 2
    return found
