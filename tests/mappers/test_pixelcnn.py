"""Pixel by pixel: causality, probabilities that add up, and sampling with cached activations."""

import itertools

import numpy as np
import pytest
from keras import ops

from skazoo.datasets.transforms import Affine
from skazoo.errors import ParameterError
from skazoo.mappers import PixelCNN
from skazoo.mappers.noise import RowNoise
from skazoo.networks.logistic_mixture import Ladder, draw, log_mass, parameter_count


def disturbed(fields=1, scale=0.3, **more):
    """A mapper with any weights, so that nothing vanishes by its initial value."""
    target = [f"y{i}" for i in range(fields)]
    arguments = dict(levels=8, low=-2.0, high=2.0, width=6, dilations=(1, 2), mixtures=3, features=4, source_width=8)
    arguments |= dict(multipliers=(1,), transforms={name: Affine() for name in ("x", *target)}) | more
    mapper, rng = PixelCNN("x", target, image_size=4, **arguments), np.random.default_rng(0)
    for variable in mapper.trainable_variables:
        variable.assign(ops.convert_to_numpy(variable) + scale * rng.normal(size=variable.shape))
    return mapper


def normal(*shape, seed=1):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def parameters_of(mapper, maps, source):
    scan = mapper.scans[-1]
    return ops.convert_to_numpy(scan.parameters(ops.convert_to_tensor(maps), scan.encoder(source)))


def test_a_pixel_sees_all_pixels_before_it_and_none_after():
    mapper, source = disturbed(dilations=(1, 2, 1)), normal(1, 5, 5, 1)
    maps = normal(1, 5, 5, 1, seed=2)
    before = parameters_of(mapper, maps, source).reshape(25, -1)
    for j in range(25):
        changed = maps.copy().reshape(25)
        changed[j] += 1.0
        after = parameters_of(mapper, changed.reshape(maps.shape), source).reshape(25, -1)
        assert np.array_equal(before[: j + 1], after[: j + 1])  # to the last bit
        moved = np.abs(after - before).max(1) > 1e-7
        row, column = divmod(j, 5)
        near = [i for i in range(j + 1, 25) if i // 5 - row <= 4 and abs(i % 5 - column) <= 4 * (i // 5 - row + 1)]
        assert moved[near].all()  # no blind spot


@pytest.mark.parametrize(
    "levels, rows, columns, fields, grids",
    [(2, 3, 3, 1, ()), (3, 2, 2, 1, ()), (2, 2, 2, 2, ()), (2, 2, 4, 1, (2,))],
)
def test_probabilities_of_all_images_add_up_to_one(levels, rows, columns, fields, grids):
    mapper = disturbed(fields, levels=levels, grids=grids)
    numbers = np.array(list(itertools.product(range(levels), repeat=rows * columns * fields)), np.float32)
    maps = mapper.ladder.centre(numbers.reshape(-1, rows, columns, fields))
    source = np.repeat(normal(1, rows, columns, 1), len(maps), 0)
    mass = ops.convert_to_numpy(mapper.log_mass(ops.convert_to_tensor(maps), source)).astype(np.float64)
    assert np.exp(mass).sum() == pytest.approx(1.0, abs=1e-5)
    # as a density it integrates to one too
    volume = float(np.prod(np.repeat(mapper.ladder.step, rows * columns)))
    density = np.exp(mapper.log_prob(maps, source).astype(np.float64))
    assert (density * volume).sum() == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("scale", [-6.9, -3.0, 0.0, 3.0])
def test_masses_of_a_pixels_levels_add_up_to_one(scale):
    rng, ladder = np.random.default_rng(3), Ladder([-2.0], [3.0], 256)
    parameters = rng.normal(size=(5, 1, parameter_count(4, 1))).astype(np.float32)
    parameters[..., 8:] = scale
    number = np.arange(256, dtype=np.float32).reshape(1, 256, 1)
    mass = np.exp(ops.convert_to_numpy(log_mass(np.repeat(parameters, 256, 1), np.repeat(number, 5, 0), ladder, 4)))
    assert np.allclose(mass.sum(1), 1.0, atol=2e-5) and mass.min() >= 0.0


def test_draws_follow_the_masses():
    """Two channels, the second leaning on the first: all 16 frequencies within five standard errors."""
    rng, ladder, n = np.random.default_rng(4), Ladder([-1.0, -2.0], [1.0, 2.0], 4), 40_000
    parameters = rng.normal(size=(1, parameter_count(3, 2))).astype(np.float32)
    drawn = draw(np.repeat(parameters, n, 0), rng.random((n, 3), np.float32), ladder, 3)
    both = np.array(list(itertools.product(range(4), repeat=2)), np.float32)
    expected = np.exp(ops.convert_to_numpy(log_mass(np.repeat(parameters, 16, 0), both, ladder, 3)))
    assert expected.sum() == pytest.approx(1.0, abs=1e-5)
    found = np.bincount((ops.convert_to_numpy(drawn) @ [4, 1]).astype(int), minlength=16) / n
    assert np.all(np.abs(found - expected) < 5 * np.sqrt(expected / n) + 1e-4)


@pytest.mark.parametrize("fields", [1, 2])
def test_cached_sampling_is_the_full_network_pixel_by_pixel(fields):
    mapper, source = disturbed(fields), normal(2, 4, 6, 1)
    noise = RowNoise(7, [0, 1], [0, 0])
    uniform = noise.uniform((4, 6, 1 + fields))
    maps = np.zeros((2, 4, 6, fields), np.float32)
    for row, column in itertools.product(range(4), range(6)):
        parameters = parameters_of(mapper, maps, source)[:, row, column]
        number = draw(parameters, uniform[:, row, column], mapper.ladder, mapper.mixtures)
        maps[:, row, column] = ops.convert_to_numpy(mapper.ladder.centre(number))
    assert np.allclose(mapper.draw(source, noise), maps, atol=1e-5)


def test_coarse_grids_are_drawn_first_and_kept():
    """Each grid from its own network, given the pixels of the grid before; all grids lie inside each other."""
    mapper, source = disturbed(grids=(4, 2)), normal(2, 8, 4, 1)
    noise = RowNoise(7, [0, 1], [0, 0])
    uniform = noise.uniform((8, 4, 2))
    maps, known, total = np.zeros((2, 8, 4, 1), np.float32), np.zeros((8, 4), bool), 0.0
    for scan, coarser in zip(mapper.scans, (None, 4, 2), strict=True):
        conditions = source
        if coarser:
            cells = np.stack([maps[:, i, j] for i, j in np.argwhere(known)], 1)
            cells = cells.reshape(2, 8 // coarser, 4 // coarser, 1)
            shown = np.repeat(known[None, ..., None], 2, 0).astype(np.float32)
            conditions = np.concatenate([source, cells.repeat(coarser, 1).repeat(coarser, 2), shown], -1)
        features = scan.on_grid(scan.encoder(conditions))
        places = [(i, j) for i in range(scan.start, 8, scan.step) for j in range(scan.start, 4, scan.step)]
        for n, (i, j) in enumerate(places):
            if known[i, j]:
                continue
            row, column = divmod(n, 4 // scan.step)
            parameters = ops.convert_to_numpy(scan.parameters(scan.on_grid(maps), features))[:, row, column]
            number = ops.convert_to_numpy(draw(parameters, uniform[:, i, j], mapper.ladder, mapper.mixtures))
            total = total + ops.convert_to_numpy(log_mass(parameters, number, mapper.ladder, mapper.mixtures))
            maps[:, i, j], known[i, j] = mapper.ladder.centre(number), True
        assert known.sum() == len(places)
    assert known.all() and np.allclose(mapper.draw(source, noise), maps, atol=1e-5)
    assert np.allclose(ops.convert_to_numpy(mapper.log_mass(ops.convert_to_tensor(maps), source)), total, rtol=1e-4)


@pytest.mark.parametrize("grids", [(), (2,)])
def test_any_size_and_the_same_maps_again(grids):
    """Of several sizes TensorFlow makes one graph that knows none."""
    mapper, found = disturbed(grids=grids), []
    for rows, columns in ((4, 4), (8, 4), (4, 6), (8, 8), (4, 4)):
        found.append(mapper.sample(normal(2, rows, columns, 1), 1, seed=3))
        assert found[-1].shape == (1, 2, rows, columns, 1)
    assert np.array_equal(found[0], found[-1])


@pytest.mark.parametrize("grids", [(3, 2), (1,), (2, 4)])
def test_grids_that_do_not_fit_are_refused(grids):
    with pytest.raises(ParameterError, match="grids must be steps of 2 or more"):
        disturbed(grids=grids)


def test_levels_and_empty_sky():
    mapper = PixelCNN("dark_matter", "hi", width=4, dilations=(1,), features=4, source_width=8, levels=16)
    empty = mapper.encode(np.zeros((1, 4, 4, 1), np.float32), "target")
    number = ops.convert_to_numpy(mapper.ladder.number(empty))
    assert np.all(number == 0)
    assert np.all(ops.convert_to_numpy(mapper.target_transform.inverse(mapper.ladder.centre(number))) == 0)
    ladder = Ladder([-1.0], [1.0], 5)
    assert np.allclose(ladder.number(ladder.centre(np.arange(5.0).reshape(5, 1))), np.arange(5).reshape(5, 1))
    assert np.array_equal(ladder.number(np.array([[-9.0], [9.0]])), [[0], [4]])


def test_it_learns_white_noise_to_its_quantised_entropy():
    """y = x + noise / 2: 0.5 ln(2 pi e / 4) nats a pixel, less than a hundredth more for 8 bits."""
    rng = np.random.default_rng(5)
    source = rng.normal(size=(1024, 8, 8, 1)).astype(np.float32)
    target = source + 0.5 * rng.normal(size=source.shape).astype(np.float32)
    mapper = PixelCNN(
        "x", "y", image_size=8, levels=256, low=-5, high=5, width=8, dilations=(1,), mixtures=2, features=8,
        source_width=8, multipliers=(1,), transforms={"x": Affine(), "y": Affine()},
    )  # fmt: skip
    mapper.compile(learning_rate=1e-2, average=(0.1,))
    mapper.fit(source, target, batch_size=32, epochs=6, verbose=0)
    source = rng.normal(size=(256, 8, 8, 1)).astype(np.float32)
    target = source + 0.5 * rng.normal(size=source.shape).astype(np.float32)
    assert -mapper.log_prob(target, source).mean() / 64 == pytest.approx(0.5 * np.log(2 * np.pi * np.e / 4), abs=0.03)
