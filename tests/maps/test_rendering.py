"""Maps of particles: totals, means, views, and what is refused."""

import astropy.units as u
import numpy as np
import pytest

from skazoo.errors import MissingField, ParameterError, SimulationError
from skazoo.maps import FIELDS, Conditions, render
from skazoo.maps.rotation import rotation_matrix
from skazoo.physics.cosmology import TNG
from skazoo.simulations import Header, ParticleSet, Species


def disc(count=4000, seed=0, tilt=None, **changes):
    """A rotating gas disc in the x-y plane (spin along +z), cold and star-forming, and a ball of dark matter."""
    rng = np.random.default_rng(seed)
    radius, angle = rng.exponential(6.0, count), rng.uniform(0, 2 * np.pi, count)
    position = np.stack([radius * np.cos(angle), radius * np.sin(angle), rng.normal(0, 0.2, count)], axis=1)
    velocity = 150.0 * np.stack([-np.sin(angle), np.cos(angle), 0 * angle], axis=1)
    if tilt is not None:
        position, velocity = position @ tilt.T, velocity @ tilt.T
    gas = {
        "position": position * u.kpc,
        "velocity": velocity * u.km / u.s,
        "mass": np.full(count, 1e6) * u.Msun,
        "density": np.full(count, 2e7) * u.Msun / u.kpc**3,
        "internal_energy": np.full(count, 200.0) * (u.km / u.s) ** 2,
        "electron_abundance": np.full(count, 0.1),
        "neutral_hydrogen_abundance": np.full(count, 0.9),
        "metallicity": np.full(count, 0.01),
        "star_formation_rate": np.full(count, 1e-3) * u.Msun / u.yr,
        "magnetic_field": np.full((count, 3), 3e-6) * u.G,
    }
    gas = {k: v for k, v in (gas | changes).items() if v is not None}
    dark = {"position": rng.normal(0, 15, (count, 3)) * u.kpc, "mass": np.full(count, 1e7) * u.Msun}
    return ParticleSet(Header("test", 99, 0.0, TNG), gas=Species("gas", gas), dark_matter=Species("dark_matter", dark))


def test_masses_inside_and_outside_make_the_whole():
    particles = disc()
    maps = render(particles, ("gas", "hi", "dark_matter"), 64, 40 * u.kpc)
    for name, total in (("gas", 4e9), ("dark_matter", 4e10)):
        facts = maps[name].metadata
        assert facts["inside"] + facts["outside_frame"] + facts["outside_depth"] == pytest.approx(total, rel=1e-12)
        assert maps[name].total.to_value(u.Msun) == pytest.approx(facts["inside"], rel=1e-6)
    assert 0 < maps["hi"].metadata["inside"] < maps["gas"].metadata["inside"]


def test_weighted_means_of_constants_are_constant():
    maps = render(disc(), ("metallicity", "magnetic_field", "temperature"), 64, 60 * u.kpc)
    for name, value in (("metallicity", 0.01), ("magnetic_field", 3e-6 * 3**0.5)):
        data = maps[name].data
        np.testing.assert_allclose(data[data > 0], value, rtol=1e-5)
        assert (data == 0).any()  # empty sky stays empty
    warm = maps["temperature"].data
    assert warm[warm > 0].std() / warm.max() < 1e-5


def test_views_by_angular_momentum():
    tilt = rotation_matrix(5)
    particles = disc(tilt=tilt)
    face = render(particles, ("velocity", "gas"), 64, 60 * u.kpc, "face-on")
    edge = render(particles, ("velocity", "gas"), 64, 60 * u.kpc, "edge-on")
    assert np.abs(face["velocity"].data).max() < 5.0
    assert edge["velocity"].data.max() > 120 and edge["velocity"].data.min() < -120

    def height(map_):
        rows = map_.data.sum(axis=1)
        y = np.arange(64) - 31.5
        return np.sqrt((rows * y**2).sum() / rows.sum())

    assert height(edge["gas"]) < 0.3 * height(face["gas"])


def test_edge_on_velocity_is_receding_positive():
    # spin towards +y after edge-on: the near side moves to -x... the right half (+x) recedes or approaches by sign
    particles = disc()
    matrix = rotation_matrix("edge-on", particles)
    seen_velocity = particles.gas.velocity.value @ matrix.T
    position = particles.gas.position.value @ matrix.T
    right = position[:, 0] > 10
    toward_observer = seen_velocity[right, 2].mean()
    data = render(particles, ("velocity",), 64, 60 * u.kpc, "edge-on")["velocity"].data
    strip = data[28:36, 45:60]
    assert np.sign(strip[strip != 0].mean()) == -np.sign(toward_observer)


def test_rotations_are_proper_and_uniform():
    stack = np.stack([rotation_matrix(seed) for seed in range(600)])
    np.testing.assert_allclose(np.linalg.det(stack), 1.0, atol=1e-12)
    poles = stack[:, 2]
    np.testing.assert_allclose(poles.mean(axis=0), 0, atol=0.1)
    np.testing.assert_allclose(poles.T @ poles / 600, np.eye(3) / 3, atol=0.06)
    np.testing.assert_array_equal(rotation_matrix(3), rotation_matrix(3))


def test_brightness_is_proportional_to_hi_and_records_its_depth():
    wide = render(disc(), ("hi", "brightness_temperature"), 32, 60 * u.kpc)
    conditions = Conditions(channel_width=100 * u.km / u.s)
    narrow = render(disc(), ("brightness_temperature",), 32, 60 * u.kpc, conditions=conditions)
    hi, bright = wide["hi"].data, wide["brightness_temperature"].data
    ratio = bright[hi > 0] / hi[hi > 0]
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-4)
    np.testing.assert_allclose(narrow["brightness_temperature"].data, 4 * bright, rtol=1e-5)
    assert narrow["brightness_temperature"].metadata["channel_width_kms"] == 100.0


def test_resolution_converges():
    particles = disc()
    coarse = render(particles, ("dark_matter",), 64, 60 * u.kpc)["dark_matter"].data
    fine = render(particles, ("dark_matter",), 128, 60 * u.kpc)["dark_matter"].data
    binned = fine.reshape(64, 2, 64, 2).mean(axis=(1, 3))
    assert np.abs(binned - coarse).sum() / coarse.sum() < 0.01


def test_every_field_renders_finite():
    fields = tuple(f for f in FIELDS if f not in ("ska", "stars"))
    for name, one in render(disc(), fields, 32, 60 * u.kpc).items():
        # a disc in the plane of the sky has no line-of-sight velocity, star-forming gas no X-rays
        assert np.isfinite(one.data).all() and (one.data.any() or "velocity" in name or name == "xray"), name
        assert one.unit == FIELDS[name].unit and one.data.dtype == np.float32


def test_missing_kind_is_zero_with_a_warning():
    with pytest.warns(UserWarning, match="no stars particles"):
        assert not render(disc(), ("stars",), 16, 60 * u.kpc)["stars"].data.any()


def test_everything_outside_the_frame_is_zero_with_a_warning():
    far = disc(position=(np.random.default_rng(0).normal(size=(4000, 3)) + [900, 0, 0]) * u.kpc)
    with pytest.warns(UserWarning, match="no gas particle falls inside"):
        assert not render(far, ("gas",), 16, 60 * u.kpc)["gas"].data.any()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"fields": ("hydrogen",)}, "unknown field 'hydrogen'"),
        ({"fields": ("dark_mater",)}, "Did you mean 'dark_matter'"),
        ({"fields": ("ska",)}, "unknown field 'ska'"),
        ({"npix": 0}, "npix"),
        ({"npix": 10.5}, "npix"),
        ({"extent": 0 * u.kpc}, "extent"),
        ({"extent": -5 * u.kpc}, "extent"),
        ({"extent": np.nan * u.kpc}, "extent"),
        ({"extent": 5 * u.s}, "extent"),
        ({"depth": 0 * u.kpc}, "depth"),
        ({"rotation": "sideways"}, "rotation"),
        ({"rotation": np.ones((3, 3))}, "orthonormal"),
    ],
)
def test_bad_arguments_are_named(arguments, words):
    with pytest.raises(ParameterError, match=words):
        render(disc(50), **({"fields": ("gas",)} | arguments))


def test_bad_particles_are_named():
    position = disc(50).gas.position.copy()
    position[7, 1] = np.nan
    with pytest.raises(SimulationError, match="1 of 50 gas positions.*row 7"):
        render(disc(50, position=position), ("gas",), 16)
    mass = np.full(50, 1e6)
    mass[3] = np.inf
    with pytest.raises(SimulationError, match="gas mass is not finite"):
        render(disc(50, mass=mass * u.Msun), ("gas",), 16)
    with pytest.raises(MissingField, match="magnetic_field"):
        render(disc(50, magnetic_field=None), ("magnetic_field",), 16)


@pytest.mark.parametrize("count", [1, 2])
def test_one_or_two_particles(count):
    particles = disc(count)
    maps = render(particles, ("gas", "dark_matter"), 16, 4000 * u.kpc)
    assert maps["dark_matter"].metadata["inside"] == pytest.approx(count * 1e7)


def test_face_on_finds_the_disc_of_toy_galaxies_despite_satellites():
    from skazoo.maps.rotation import angular_momentum
    from skazoo.simulations import toy

    cosines = []
    for seed in range(30):
        galaxy = toy.Galaxy.draw(seed)
        if not galaxy.hidden.quenched:
            spin = angular_momentum(galaxy.particles())
            cosines.append(galaxy.hidden.spin * spin @ galaxy.hidden.disc[:, 2] / np.linalg.norm(spin))
    assert len(cosines) > 15 and np.abs(cosines).min() > 0.94 and len({c > 0 for c in cosines}) == 1


def test_all_particles_in_one_point_and_an_extent_below_a_cell():
    point = disc(40, position=np.zeros((40, 3)) * u.kpc)
    one = render(point, ("gas", "metallicity"), 16, 60 * u.kpc)
    assert one["gas"].total.to_value(u.Msun) == pytest.approx(4e7, rel=1e-6)
    # neighbours at no distance make stars and dark matter points
    stars = Species("stars", {"position": np.zeros((40, 3)) * u.kpc, "mass": np.full(40, 1e5) * u.Msun})
    peak = render(ParticleSet(point.header, stars=stars), ("stars",), 16, 60 * u.kpc)["stars"]
    assert peak.total.to_value(u.Msun) == pytest.approx(4e6, rel=1e-6) and (peak.data > 0).sum() == 4
    tiny = render(point, ("gas", "metallicity"), 16, 0.01 * u.kpc)
    facts = tiny["gas"].metadata
    assert tiny["gas"].data.std() < 1e-2 * tiny["gas"].data.mean()  # far inside one cell the column is flat
    assert tiny["gas"].total.to_value(u.Msun) == pytest.approx(facts["inside"], rel=1e-6)
    np.testing.assert_allclose(tiny["metallicity"].data, 0.01, rtol=1e-5)


def test_overflow_of_single_precision_is_refused():
    with pytest.raises(SimulationError, match="map of gas reaches .* beyond the range of float32"):
        render(disc(50, mass=np.full(50, 1e40) * u.Msun, density=np.full(50, 1e41) * u.Msun / u.kpc**3), ("gas",), 16)


def test_single_precision_particles_agree():
    double = disc()
    names = double.gas.fields
    gas = Species("gas", {name: getattr(double.gas, name).astype("f4") for name in names})
    fields = ("gas", "hi", "temperature", "velocity")
    single = render(ParticleSet(double.header, gas=gas), fields, 32, 60 * u.kpc, "edge-on")
    for name, one in render(double, fields, 32, 60 * u.kpc, "edge-on").items():
        assert np.abs(single[name].data - one.data).sum() / np.abs(one.data).sum() < 1e-5, name


def test_dispersion_is_the_spread_about_the_mean():
    rng = np.random.default_rng(3)
    velocity = np.stack([rng.normal(0, 50, 4000), np.zeros(4000), rng.normal(3000, 12, 4000)], axis=1)
    particles = disc(velocity=velocity * u.km / u.s, position=rng.normal(0, 0.3, (4000, 3)) * u.kpc)
    maps = render(particles, ("velocity", "velocity_dispersion"), 4, 40 * u.kpc)
    centre = maps["velocity_dispersion"].data[1:3, 1:3]
    np.testing.assert_allclose(centre, 12.0, rtol=0.1)
    still = disc(velocity=np.full((4000, 3), 3000.0) * u.km / u.s)
    assert render(still, ("velocity_dispersion",), 16, 60 * u.kpc)["velocity_dispersion"].data.max() < 1e-2


def test_volume_weights_count_thin_gas_more():
    density = np.where(np.arange(4000) % 2, 2e7, 2e5) * u.Msun / u.kpc**3
    field = np.where(np.arange(4000)[:, None] % 2, 9e-6, 1e-6) * np.array([[0.0, 0.0, 1.0]]) * u.G
    particles = disc(density=density, magnetic_field=field, position=np.zeros((4000, 3)) * u.kpc)
    maps = render(particles, ("magnetic_field", "magnetic_field_volume"), 1, 60 * u.kpc)
    assert maps["magnetic_field"].data[0, 0] == pytest.approx(5e-6, rel=1e-4)
    assert maps["magnetic_field_volume"].data[0, 0] == pytest.approx((9 + 100 * 1) / 101 * 1e-6, rel=1e-4)


def test_rotation_measure_and_columns_of_a_slab():
    particles = disc(magnetic_field=np.tile([0.0, 0.0, 2e-6], (4000, 1)) * u.G)
    maps = render(particles, ("gas", "rotation_measure", "electron_column", "sfr", "compton_y"), 16, 60 * u.kpc)
    gas = maps["gas"].data
    # x_e = 0.1, X = 0.76: electrons per solar mass of gas, over the pixel
    electrons = 0.1 * 0.76 * (1 * u.Msun / u.kpc**2).to_value(1.6726219e-24 * u.g / u.cm**2)
    np.testing.assert_allclose(maps["electron_column"].data, gas * electrons, rtol=1e-4)
    measure = 0.812 * 2.0 * maps["electron_column"].data / 3.0857e18
    np.testing.assert_allclose(maps["rotation_measure"].data, measure, rtol=1e-4)
    np.testing.assert_allclose(maps["sfr"].data, gas * 1e-9, rtol=1e-5)
    behind = render(particles, ("rotation_measure",), 16, 60 * u.kpc, np.diag([1.0, -1.0, -1.0]))
    front = maps["rotation_measure"].data
    # weights are float32: of a pixel that only the rim of one kernel touches, 1e-6 of that particle is noise
    np.testing.assert_allclose(
        behind["rotation_measure"].data[::-1], -front, rtol=1e-5, atol=1e-6 * np.abs(front).max()
    )


def test_the_examples_of_the_dataset_do_not_change_with_the_registry():
    from skazoo.maps.fields import EXTRA, RENDERED

    assert RENDERED == ("dark_matter", "gas", "stars", "hi", "temperature", "metallicity", "magnetic_field",
                        "velocity", "brightness_temperature", "synchrotron")  # fmt: skip
    assert not set(EXTRA) & set(RENDERED) and set(EXTRA) < set(FIELDS)


def test_periodic_wrap_of_a_box():
    box = disc(position=np.random.default_rng(0).uniform(-20, 20, (4000, 3)) * u.kpc)
    header = Header("box", 0, 0.0, TNG, box_size=40 * u.kpc)
    wrapped = ParticleSet(header, gas=box.gas)
    cells = {name: getattr(box.gas, name) for name in box.gas.fields}
    cells["position"] = cells["position"] + [25.0, 0, 30.0] * u.kpc
    moved = ParticleSet(header, gas=Species("gas", cells))
    one = render(wrapped, ("gas",), 16, 40 * u.kpc, wrap=True)["gas"]
    other = render(moved, ("gas",), 16, 40 * u.kpc, wrap=True)["gas"]
    np.testing.assert_allclose(other.data, np.roll(one.data, 10, axis=1), rtol=1e-5)
    assert one.total.to_value(u.Msun) == pytest.approx(4e9, rel=1e-6)
    with pytest.raises(ParameterError, match="box_size"):
        render(box, ("gas",), 16, wrap=True)
    with pytest.raises(ParameterError, match="axes of the box"):
        render(wrapped, ("gas",), 16, 40 * u.kpc, rotation=3, wrap=True)
