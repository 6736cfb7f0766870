"""Pre-processors agree with hand-computed results and with Pillow, whatever the batch axes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from PIL import Image

from maze.env.preprocessors import Flatten, OneHot, PreProcessor, ResizeImg, Rgb2Gray, Transpose, UnSqueeze
from maze.env.resizing import resize, resize_weights
from maze.errors import InvalidSpecificationError

PIXELS = spaces.Box(0, 255, (5, 4, 3), np.uint8)


def applied(processor: PreProcessor, space: spaces.Space[Any]) -> np.ndarray:
    """Return one result, after checking that batches of samples give the same."""
    samples = np.stack([np.asarray(space.sample()) for _ in range(6)])
    single = np.stack([processor(sample) for sample in samples])
    assert (processor(samples) == single).all()
    assert (processor(samples.reshape(2, 3, *samples.shape[1:])).reshape(single.shape) == single).all()
    assert processor.space.contains(np.ascontiguousarray(single[0]))
    assert single.dtype == processor.space.dtype
    return single


@pytest.mark.parametrize(
    ("kind", "config", "shape"),
    [
        (Flatten, {}, (60,)),
        (Flatten, {"num_flatten_dims": 2}, (5, 12)),
        (Rgb2Gray, {}, (5, 4)),
        (ResizeImg, {"target_size": [3, 2]}, (3, 2, 3)),
        (ResizeImg, {"target_size": [7, 9], "transpose": True}, (5, 7, 9)),
        (ResizeImg, {"target_size": [3, 2], "interpolation": "area"}, (3, 2, 3)),
        (Transpose, {"axes": [2, 0, 1]}, (3, 5, 4)),
        (UnSqueeze, {"dim": -3}, (5, 1, 4, 3)),
        (UnSqueeze, {"dim": 0}, (1, 5, 4, 3)),
        (UnSqueeze, {"dim": 3}, (5, 4, 3, 1)),
    ],
)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_shapes_spaces_and_batches(kind: Any, config: dict, shape: tuple[int, ...], dtype: Any) -> None:
    space = spaces.Box(0, 255, (5, 4, 3), dtype)
    processor = kind(space, **config)
    assert processor.space == spaces.Box(0, 255, shape, dtype)
    applied(processor, space)


def test_values_keep_their_place() -> None:
    values = np.arange(24).reshape(2, 3, 4)
    space = spaces.Box(0, 30, (3, 4), np.int64)
    assert (Transpose(space, axes=[1, 0])(values)[1] == values[1].T).all()
    assert Flatten(space)(values)[1].tolist() == list(range(12, 24))
    assert (UnSqueeze(space, dim=-3)(values)[1, 0] == values[1]).all()
    bounded = Transpose(spaces.Box(np.zeros((1, 2)), np.array([[1.0, 2.0]]), dtype=np.float64), axes=[1, 0])
    assert bounded.space.high.tolist() == [[1.0], [2.0]]


def test_one_hot() -> None:
    assert OneHot(spaces.Discrete(3, start=5))(np.array([[5, 7]])).tolist() == [[[1, 0, 0], [0, 0, 1]]]
    several = OneHot(spaces.MultiDiscrete([2, 3]))
    assert several(np.array([[1, 0], [0, 2]])).tolist() == [[0, 1, 1, 0, 0], [1, 0, 0, 0, 1]]
    assert applied(OneHot(spaces.Discrete(4)), spaces.Discrete(4)).sum(axis=1).tolist() == [1] * 6
    assert applied(several, spaces.MultiDiscrete([2, 3])).sum(axis=1).tolist() == [2] * 6


def test_gray_is_luma() -> None:
    colours = np.array([[255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 255], [10, 20, 30]], np.uint8)
    gray = Rgb2Gray(spaces.Box(0, 255, (5, 3), np.uint8))(colours)
    assert gray.tolist() == [255, 76, 150, 29, 18]  # 0.299 R + 0.587 G + 0.114 B, rounded
    first = Rgb2Gray(spaces.Box(0, 255, (3, 5), np.uint8), rgb_dim=0)
    assert (first(colours.T) == gray).all()
    assert np.allclose(Rgb2Gray(spaces.Box(0, 1, (5, 3)))(colours / np.float32(255)) * 255, gray, atol=0.5)
    image = np.random.default_rng(0).integers(0, 256, (40, 30, 3), dtype=np.uint8)
    assert (
        Rgb2Gray(spaces.Box(0, 255, image.shape, np.uint8))(image) == np.asarray(Image.fromarray(image).convert("L"))
    ).all()


def test_weights_by_hand() -> None:
    assert resize_weights(4, 2, "area").tolist() == [[0.5, 0.5, 0, 0], [0, 0, 0.5, 0.5]]
    assert np.allclose(resize_weights(3, 2, "area"), [[2 / 3, 1 / 3, 0], [0, 1 / 3, 2 / 3]])
    assert resize_weights(2, 4, "bilinear").tolist() == [[1, 0], [0.75, 0.25], [0.25, 0.75], [0, 1]]
    # shrinking by 2 the triangle is 4 pixels wide: distances 0.5 and 1.5 weigh 0.75 and 0.25
    assert np.allclose(resize_weights(6, 3, "bilinear")[1], [0, 0.125, 0.375, 0.375, 0.125, 0])


@pytest.mark.parametrize(
    ("interpolation", "method", "sizes"),
    [
        ("bilinear", Image.Resampling.BILINEAR, [(96, 96), (84, 84), (40, 7), (300, 200), (210, 160)]),
        ("area", Image.Resampling.BOX, [(105, 80), (70, 40), (210, 160)]),
    ],
)
def test_as_pillow_resizes(interpolation: str, method: Any, sizes: list[tuple[int, int]]) -> None:
    image = np.random.default_rng(1).integers(0, 256, (210, 160, 3), dtype=np.uint8)
    for rows, columns in sizes:
        processor = ResizeImg(spaces.Box(0, 255, image.shape, np.uint8), [rows, columns], interpolation=interpolation)
        expected = np.asarray(Image.fromarray(image).resize((columns, rows), method)).astype(int)
        assert np.abs(processor(image).astype(int) - expected).max() <= 1  # Pillow rounds between the two axes
        plane = image[..., 0].astype(np.float32)
        weights = resize_weights(210, rows, interpolation), resize_weights(160, columns, interpolation)
        exact = np.asarray(Image.fromarray(plane).resize((columns, rows), method))
        assert np.allclose(resize(plane, *weights), exact, atol=1e-3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Flatten(spaces.Discrete(2)), "Flatten works on a Box"),
        (lambda: Flatten(PIXELS, num_flatten_dims=4), "num_flatten_dims is 4, of 3 axes; give 1 to 3, or null"),
        (lambda: OneHot(PIXELS), "OneHot works on Discrete"),
        (lambda: Rgb2Gray(PIXELS, rgb_dim=0), "does not hold three colours"),
        (lambda: Rgb2Gray(PIXELS, rgb_dim=3), "from -3 to 2"),
        (lambda: ResizeImg(PIXELS, target_size=[3]), "list of 2 whole numbers >= 1"),
        (lambda: ResizeImg(PIXELS, target_size=[3, 3], interpolation="biliner"), "did you mean 'bilinear'"),
        (lambda: ResizeImg(spaces.Box(0, 1, (3,)), target_size=[3, 3]), "2 or 3 axes"),
        (lambda: Transpose(PIXELS, axes=[0, 1]), "name each of 3 axes once"),
        (lambda: UnSqueeze(PIXELS, dim=5), "from -4 to 3"),
    ],
)
def test_wrong_arguments(make: Any, message: str) -> None:
    with pytest.raises(InvalidSpecificationError, match=message):
        make()
