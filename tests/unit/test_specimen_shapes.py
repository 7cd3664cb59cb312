"""Shapes in space: each weighs what its formula says, however coarse the grid, and lies within the extents that it tells."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import ConvexHull

from mwgan.data.specimens.block import Block, Pose, Window
from mwgan.data.specimens.placing import apart, axes_about, directions, turn, turns
from mwgan.data.specimens.polyhedra import CRYSTALS, crystal, prism
from mwgan.data.specimens.sheet import Sheet
from mwgan.data.specimens.solids import Ball, Ellipsoid, Rod, Shell, Tube
from mwgan.data.specimens.textures import Crystal, LevelSet, gaussians, layers, reciprocal_of

PLACE = np.array([0.1, -0.05, 0.07])
AXES = turn(np.random.default_rng(3))
NONE = np.zeros(0, dtype=complex), np.zeros((0, 2))


UPRIGHT = Pose()


def drawn(shape, size=40, pose=UPRIGHT):
    block = Block(size, 0, size, pose)
    block.paint(shape, 1.0)
    return block.voxels()


def volume_of(shape, size=40):
    return float(drawn(shape, size).sum()) * (2 / size) ** 3


def corner_volume(form):
    return ConvexHull(crystal(form, PLACE, 0.7, AXES).corners).volume


SHAPES = {
    "ball": (Ball(PLACE, 0.6), 4 / 3 * np.pi * 0.6**3),
    "ellipsoid": (Ellipsoid(PLACE, np.array([0.7, 0.5, 0.3]), AXES), 4 / 3 * np.pi * 0.7 * 0.5 * 0.3),
    "rod": (Rod(PLACE, AXES[0], 0.4, 0.3), np.pi * 0.3**2 * 0.8 + 4 / 3 * np.pi * 0.3**3),
    "cylinder": (Rod(PLACE, AXES[0], 0.5, 0.3, round_ends=False), np.pi * 0.3**2),
    "bent rod": (Rod(PLACE, AXES[0], 0.6, 0.2, round_ends=False, bend=0.5 * AXES[1]), np.pi * 0.2**2 * 1.2),
    "tube": (Tube(Rod(PLACE, AXES[0], 0.5, 0.4, round_ends=False), 0.1), np.pi * (0.4**2 - 0.3**2)),
    "thin shell": (Shell(Ball(PLACE, 0.7), 0.01), 4 / 3 * np.pi * (0.7**3 - 0.69**3)),
    "thin sheet": (Sheet(PLACE, AXES, np.array([0.6, 0.5]), 0.01, *NONE), 1.2 * 1.0 * 0.01),
    "oval sheet": (Sheet(PLACE, AXES, np.array([0.6, 0.5]), 0.2, *NONE, oval=True), np.pi * 0.6 * 0.5 * 0.2),
    **{form: (crystal(form, PLACE, 0.7, AXES), corner_volume(form)) for form in CRYSTALS},
}


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_weighs_what_its_formula_says(name):
    shape, volume = SHAPES[name]
    assert volume_of(shape) == pytest.approx(volume, rel=0.02)


@pytest.mark.parametrize("name", SHAPES)
def test_nothing_of_a_shape_lies_beyond_its_extent_and_something_lies_near_it(name):
    shape, _ = SHAPES[name]
    filled = np.argwhere(drawn(shape, 60) > 0.01)
    places = ((filled + 0.5) / 60 * 2 - 1)[:, [2, 0, 1]]  # (y, z, x) to (x, y, z)
    extent = shape.extent(np.eye(3))
    away = np.abs(places - shape.middle).max(axis=0)
    assert np.all(away < extent + 2 / 60)
    if not isinstance(shape, Tube) and name != "bent rod":  # whose extents are no more than bounds
        assert np.all(away > extent - 3.5 / 60)


@pytest.mark.parametrize("name", SHAPES)
def test_a_turned_block_shows_the_turned_shape(name):
    shape, _ = SHAPES[name]
    np.testing.assert_allclose(drawn(shape, 24, Pose(np.pi / 2)), np.rot90(drawn(shape, 24), -1, axes=(1, 2)), atol=1e-4)


def test_a_wavy_sheet_is_as_thick_across_its_slopes():
    flat, wavy = (
        Sheet(np.zeros(3), np.eye(3)[[0, 1, 2]], np.array([0.8, 0.8]), 0.1, np.array([height + 0j]), np.array([[6.0, 0.0]]))
        for height in (0.0, 0.12)
    )
    along = np.linspace(-0.8, 0.8, 4001)
    longer = np.hypot(1, 0.12 * 6 * np.sin(6 * along)).mean()
    assert volume_of(wavy) / volume_of(flat) == pytest.approx(longer, rel=0.02)
    assert wavy.on(0.3, 0.2)[2] == pytest.approx(0.12 * np.cos(1.8))


@pytest.mark.parametrize("sides", [5, 6, 8])
def test_a_faceted_rod_is_as_long_and_thick_as_asked(sides):
    rod = prism(sides, PLACE, 0.6, 0.15, AXES)
    along, across = np.abs(rod.corners @ AXES[0]).max(), np.linalg.norm(rod.corners @ AXES[1:].T, axis=1).max()
    assert (along, across) == (pytest.approx(0.6), pytest.approx(0.15))
    assert rod.depth(Block(8, 0, 8, Pose())._whole).max() < 0.16


def test_cubes_and_their_like_have_the_corners_they_should():
    corners = {form: len(crystal(form, PLACE, 1.0, AXES).corners) for form in CRYSTALS if form != "decahedron"}
    few = {"cube": 8, "octahedron": 6, "cuboctahedron": 12, "truncated": 24, "tetrahedron": 4}
    assert corners == few | {"dodecahedron": 20, "icosahedron": 12, "plate": 12}


def test_layers_lie_a_period_apart():
    block = Block(64, 32, 1, Pose(), finer=4)
    block.paint(Ball(np.zeros(3), 3.0), layers(0.8, 0.5, 0.25, np.array([1.0, 0, 0]), 0.0, 8.0))
    row = block.voxels()[0, 32]
    spectrum = np.abs(np.fft.rfft(row - row.mean()))
    assert spectrum.argmax() == 8  # periods of 0.25 in a frame of 2
    assert (row.min(), row.max()) == (pytest.approx(0.4, abs=0.02), pytest.approx(0.8, abs=0.02))


NEAREST = {  # vectors to the nearest atoms, in units of their distance, and one to a place without an atom
    "cubic": ([(1, 0, 0), (0, 1, 0), (0, 0, -1)], (0.5, 0.5, 0.5)),
    "body_centred": (np.array([(1, 1, 1), (-1, 1, 1), (1, -1, 1), (1, 1, -1)]) / np.sqrt(3), (1.1547 / 2, 0, 0)),
    "face_centred": (np.array([(1, 1, 0), (1, -1, 0), (0, 1, 1), (1, 0, -1)]) / np.sqrt(2), (1.4142 / 2, 0, 0)),
    "hexagonal": ([(0, 1, 0), (np.sqrt(3) / 2, 0.5, 0), (np.sqrt(3) / 2, -0.5, 0), (0, 0, 1)], (1 / np.sqrt(3), 0, 0)),
}


@pytest.mark.parametrize("name", NEAREST)
def test_atoms_lie_where_their_lattice_has_them(name):
    near, empty = NEAREST[name]
    texture = Crystal(1.0, 0.2, PLACE, reciprocal_of(name, 0.4, AXES), 0.05)

    def at(offset):
        x, y, z = ((PLACE + 0.4 * np.asarray(offset) @ AXES)[:, None]).astype(np.float32)
        return float(texture(Window(x, y, z, np.eye(3)))[0, 0, 0])

    for vector in [(0.0, 0.0, 0.0), *near]:
        assert at(vector) == pytest.approx(1.0, abs=0.01)
    assert at(empty) < 0.25
    if name != "hexagonal":  # whose atoms are longer along one axis
        for direction in np.eye(3):
            assert at(0.05 / 0.4 * direction) == pytest.approx(0.2 + 0.8 * np.exp(-0.5), abs=0.06)


def test_a_second_kind_of_atom_lies_between_the_first():
    texture = Crystal(1.0, 0.0, np.zeros(3), reciprocal_of("cubic", 0.4, np.eye(3)), 0.04, other=0.5)
    x = np.array([0.0, 0.2, 0.4], dtype=np.float32)
    along = texture(Window(x, x[1:2], x[1:2], np.eye(3)))[0, 0]
    np.testing.assert_allclose(along, [0.0, 0.5, 0.0], atol=0.01)
    np.testing.assert_allclose(texture(Window(x, x[:1], x[:1], np.eye(3)))[0, 0], [1.0, 0.0, 1.0], atol=0.01)


def test_a_level_set_takes_its_share_of_the_solid():
    generator = np.random.default_rng(0)
    vectors = 25.0 * directions(generator, 200)
    amplitudes = np.exp(1j * generator.uniform(0, 2 * np.pi, 200)) * np.sqrt(2 / 200)
    whole = volume_of(Ball(np.zeros(3), 0.9), 64)
    half, sixth = (volume_of(LevelSet(Ball(np.zeros(3), 0.9), vectors, amplitudes, level), 64) for level in (0.0, 1.0))
    assert half / whole == pytest.approx(0.5, abs=0.05)
    assert sixth / whole == pytest.approx(0.16, abs=0.03)


def test_blobs_are_gaussians_and_none_in_the_slices_is_nothing():
    block = Block(40, 0, 40, Pose(0.7))
    block.add(gaussians(np.array([[0.2, 0.1, -0.3], [0.0, 0.0, 0.3]]), 0.1, np.array([0.5, 0.4])))
    assert block.voxels().sum() * 0.05**3 == pytest.approx(0.9 * (0.1 * np.sqrt(2 * np.pi)) ** 3, rel=0.01)
    far = Block(40, 0, 2, Pose())
    far.add(gaussians(np.array([[0.2, 0.9, -0.3]]), 0.05, np.array([0.5])))
    assert not far.voxels().any()


def test_balls_that_are_apart_do_not_meet():
    places, radii = apart(np.random.default_rng(0), np.full(60, 0.2), 0.01)
    gaps = np.linalg.norm(places[:, None] - places[None], axis=-1) - radii[:, None] - radii[None]
    assert 10 < len(places) < 60
    assert gaps[~np.eye(len(places), dtype=bool)].min() >= 0.01
    assert np.all(np.hypot(places[:, 0], places[:, 2]) + radii <= 0.92 + 1e-9)


def test_axes_are_orthonormal():
    for axes in [*turns(np.random.default_rng(0), 20), axes_about(AXES[1], np.random.default_rng(1))]:
        np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-12)
