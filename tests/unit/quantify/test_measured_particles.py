"""Particles of a volume: thresholds, labels, contact, distance, and what a whole volume is given."""

from __future__ import annotations

import numpy as np
import pytest

from mwgan.errors import InputError
from mwgan.quantify import measure_volume
from mwgan.quantify.bulk import hull_of
from mwgan.quantify.materials import find_materials
from mwgan.quantify.roughness import roughness

SHAPE = (36, 44, 60)


def distance(middle: tuple[float, float, float]) -> np.ndarray:
    axes = [np.arange(side) - place for side, place in zip(SHAPE, middle, strict=True)]
    return np.linalg.norm(np.stack(np.meshgrid(*axes, indexing="ij")), axis=0)


def share(signed: np.ndarray) -> np.ndarray:
    return np.clip(0.5 - signed, 0, 1).astype(np.float32)


def two_balls() -> np.ndarray:
    return np.maximum(share(distance((17, 20, 15)) - 9), share(distance((18, 22, 42)) - 7))


def core_in_shell() -> np.ndarray:
    away = distance((17, 21, 30))
    return 0.4 * share(away - 14) + 0.6 * share(away - 8)


def noisy(volume: np.ndarray) -> np.ndarray:
    return volume + np.random.default_rng(0).normal(0, 0.03, volume.shape).astype(np.float32)


def test_two_balls_are_two_particles_with_their_numbers():
    found = measure_volume(noisy(two_balls()), 0.5, wedge_deg=0, method="sirt")
    assert [one.place.voxels > 500 for one in found.particles] == [True, True]
    for one, radius in zip(found.particles, (4.5, 3.5), strict=True):
        numbers = one.numbers
        assert numbers.volume == pytest.approx(4 / 3 * np.pi * radius**3, rel=0.02)
        assert numbers.surface == pytest.approx(4 * np.pi * radius**2, rel=0.02)
        assert numbers.thickness == pytest.approx(2 * radius, rel=0.03)
        assert numbers.thickness_z == pytest.approx(4 / 3 * radius, rel=0.03)
        assert numbers.sphericity == pytest.approx(1, abs=0.02)
        assert numbers.elongation == pytest.approx(1, abs=0.02)
        assert one.safe
    apart = np.linalg.norm([1, 2, 27]) * 0.5 - 8.0
    assert found.particles[0].intervals["nearest"].value == pytest.approx(apart, abs=0.15)
    assert found.particles[0].nearest_label == 2
    assert found.particles[0].touches == ()


def test_every_interval_holds_its_number():
    found = measure_volume(noisy(core_in_shell()), 1.0, levels=(0, 0.4, 1), wedge_deg=60, method="sirt")
    every = [one for particle in found.particles for one in particle.intervals.values()] + [number.interval for number in found.numbers]
    assert len(every) > 20
    for one in every:
        assert one.low <= one.value <= one.high


def test_a_core_lies_against_its_shell():
    found = measure_volume(core_in_shell(), 1.0, levels=(0, 0.4, 1), wedge_deg=0, method="sirt")
    shell, core = found.particles
    assert (shell.place.material, core.place.material) == (1, 2)
    assert core.touches == (shell.place.label,)
    assert core.intervals["contact"].value == pytest.approx(4 * np.pi * 8**2, rel=0.04)
    assert shell.intervals["contact"].value == pytest.approx(4 * np.pi * 8**2, rel=0.04)
    assert shell.intervals["nearest"].value == 0
    assert shell.numbers.thickness == pytest.approx(6, rel=0.03)
    assert shell.numbers.volume == pytest.approx(4 / 3 * np.pi * (14**3 - 8**3), rel=0.03)


def test_a_wider_wedge_hides_more_and_widens_intervals():
    volume = two_balls()
    narrow, wide = (measure_volume(volume, 1.0, wedge_deg=wedge, method="sirt").particles[0] for wedge in (0, 80))
    assert narrow.unseen < 0.01
    assert wide.unseen == pytest.approx(80 / 180, abs=0.03)
    assert (narrow.safe, wide.safe) == (True, False)
    for name in ("volume", "thickness_z", "width_over_height"):
        spans = [one.intervals[name].high - one.intervals[name].low for one in (narrow, wide)]
        assert spans[1] > 1.5 * spans[0]


def test_what_is_not_known_is_said_and_taken_for_the_worst():
    known = measure_volume(two_balls(), 1.0, wedge_deg=80, method="sirt").particles[0].intervals["volume"]
    found = measure_volume(two_balls(), 1.0)
    assert len([one for one in found.warnings if "--wedge" in one or "--method" in one]) == 2
    unknown = found.particles[0].intervals["volume"]
    assert unknown.low <= known.low
    assert unknown.high >= known.high


def test_an_uncertain_volume_has_wider_intervals(tmp_path):
    file = tmp_path / "u.npy"
    np.save(file, np.full(SHAPE, 0.2, np.float32))
    sure, unsure = (measure_volume(two_balls(), 1.0, uncertainty=one, wedge_deg=0, method="sirt").particles[0] for one in (None, file))
    for name in ("volume", "surface", "thickness"):
        assert unsure.intervals[name].low < sure.intervals[name].low
        assert unsure.intervals[name].high > sure.intervals[name].high


@pytest.mark.parametrize(("noise", "rough"), [(0.0, False), (0.08, False), (0.2, True)])
def test_a_volume_too_rough_for_its_intervals_is_told(noise, rough):
    volume = two_balls() + np.random.default_rng(0).normal(0, noise, SHAPE).astype(np.float32)
    found = measure_volume(volume, 1.0, wedge_deg=0, method="sirt")
    assert any("too narrow" in one for one in found.warnings) is rough
    assert roughness(volume, find_materials(volume)) == pytest.approx(noise, abs=0.02 + noise / 3)


def test_small_ones_are_left_out_and_counted():
    volume = two_balls()
    volume[2:4, 2:4, 2:4] = 1
    found = measure_volume(volume, 1.0, wedge_deg=0)
    assert len(found.particles) == 2
    assert "1 of fewer than 27 voxels left out" in found.notes[0]
    assert len(measure_volume(volume, 1.0, smallest=8, wedge_deg=0).particles) == 3


def test_a_particle_at_the_border_is_not_safe():
    found = measure_volume(share(distance((0, 20, 30)) - 9), 1.0, wedge_deg=0)
    assert found.particles[0].place.cut
    assert not found.particles[0].safe
    assert any("border" in one for one in found.warnings)


def test_pores_that_are_enclosed_are_counted_and_open_ones_by_closing():
    away = distance((17, 21, 30))
    volume = np.minimum(share(away - 15), 1 - share(distance((17, 21, 30)) - 6))
    found = measure_volume(volume, 1.0, wedge_deg=0)
    pores = next(one for one in found.numbers if one.name == "porosity").interval
    assert pores.value == pytest.approx((6 / 15) ** 3, rel=0.05)
    assert pores.low <= pores.value < pores.high
    solid = np.zeros((20, 20, 20), bool)
    solid[4:16, 4:16, 4:16] = True
    solid[8:16, 9:11, 9:11] = False  # a shaft from one side
    assert hull_of(solid, 0).sum() == solid.sum()
    assert hull_of(solid, 2)[4:15, 4:16, 4:16].all()


def test_the_threshold_lies_halfway_where_otsu_leaves_it_open():
    volume = np.zeros((10, 10, 10), np.float32)
    volume[3:7, 3:7, 3:7] = 2
    assert find_materials(volume).thresholds == (1.0,)
    assert find_materials(volume, levels=(0, 1, 2)).thresholds == (0.5, 1.5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threshold": 5.0}, "no voxel of the volume is above"),
        ({"threshold": -1.0}, "all voxels of the volume are above"),
        ({"threshold": "high"}, "otsu or a grey level"),
        ({"threshold": float("nan")}, "finite"),
        ({"levels": (0, 1, 0.5)}, "rising"),
        ({"levels": (1,)}, "rising"),
        ({"levels": (0, 9)}, "no voxel of the volume is above"),
        ({"smallest": 10**6}, "--smallest"),
        ({"smallest": 0}, "1 voxel or more"),
        ({"wedge_deg": 200}, "wedge"),
        ({"voxel_size_nm": None}, "voxel_size_nm"),
    ],
)
def test_what_can_not_be_measured_is_told(options, message):
    with pytest.raises(InputError, match=message):
        measure_volume(two_balls(), **{"voxel_size_nm": 1.0, **options})


@pytest.mark.parametrize(("value", "message"), [(np.nan, "NaN"), (np.inf, "infinite")])
def test_values_that_are_none_are_refused(value, message):
    volume = two_balls()
    volume[3, 3, 3] = value
    with pytest.raises(InputError, match=message):
        measure_volume(volume, 1.0)


def test_a_volume_of_one_value_has_no_specimen():
    with pytest.raises(InputError, match="no specimen"):
        measure_volume(np.ones(SHAPE, np.float32), 1.0)


def test_a_volume_that_does_not_fit_is_refused_before_it_is_read(tmp_path, monkeypatch):
    np.save(tmp_path / "v.npy", two_balls())
    monkeypatch.setattr("mwgan.memory.machine_bytes", lambda: 10_000)
    with pytest.raises(InputError, match="memory"):
        measure_volume(tmp_path / "v.npy", 1.0)
