"""Observations from outside: categories that are none, and batches of different lengths, are told by key."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

from maze import RunContext
from maze.env.raw_observations import check_raw_observation
from maze.errors import EnvError

SPACE = spaces.Dict(
    {
        "vector": spaces.Box(-1.0, 1.0, (2,), np.float32),
        "kind": spaces.Discrete(4, start=-1),
        "kinds": spaces.MultiDiscrete([2, 3]),
        "mask": spaces.MultiBinary(3),
    }
)


def observation(*leading: int, **changes: Any) -> dict[str, Any]:
    values = {"vector": [5.0, -5.0], "kind": 2, "kinds": [1, 2], "mask": [1, 0, 1], **changes}
    return {key: np.broadcast_to(np.asarray(value), (*leading, *np.shape(value))) for key, value in values.items()}


@pytest.mark.parametrize("leading", [(), (3,), (2, 3)])
def test_what_the_environment_could_show_is_accepted_single_or_batched(leading: tuple[int, ...]) -> None:
    check_raw_observation(observation(*leading), SPACE)
    check_raw_observation({"kind": observation(*leading)["kind"], "unknown": np.zeros(7)}, SPACE)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": 3}, "kind: 3 is not accepted; accepted: whole numbers from -1 to 2."),
        ({"kind": -2}, "kind: -2 is not accepted"),
        ({"kind": 0.5}, "kind: 0.5 is not accepted"),
        ({"kinds": [1, 3]}, r"kinds: 3 is not accepted; accepted: whole numbers from \[0, 0\] to \[1, 2\]."),
        ({"mask": [1, 0, 5]}, "mask: 5 is not accepted; accepted: whole numbers from 0 to 1."),
        ({"mask": [1.0, 0.0, 0.5]}, "mask: 0.5 is not accepted"),
    ],
)
@pytest.mark.parametrize("leading", [(), (3,)])
def test_what_it_could_not_is_named(leading: tuple[int, ...], changes: dict[str, Any], message: str) -> None:
    with pytest.raises(EnvError, match=message):
        check_raw_observation(observation(*leading, **changes), SPACE)


def test_batches_of_different_lengths_are_named() -> None:
    mixed = {**observation(3), "kind": np.zeros(2, np.int64)}
    with pytest.raises(EnvError, match=r"observation: has the batches .*'kind': \(2,\).*as many observations under"):
        check_raw_observation(mixed, SPACE)


def test_a_context_tells_them_before_its_wrappers_do() -> None:
    context = RunContext(env="gym_env", overrides={"env.name": "FrozenLake-v1"}, silent=True, seed=1)
    context.env_factory().close()
    with pytest.raises(EnvError, match="observation: 16 is not accepted; accepted: whole numbers from 0 to 15"):
        context.transform_observation({"observation": np.array([3, 16])})
