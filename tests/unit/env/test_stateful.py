"""Every wrapper gives the same trajectories, to the last bit, on batches and on environments stepped one by one."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from maze.env import (
    ActionMaskWrapper,
    DictActionWrapper,
    DictObservationWrapper,
    DiscretizeActionsWrapper,
    GymMazeEnv,
    LogStatsWrapper,
    MazeEnv,
    NoDictSpacesWrapper,
    ObservationClippingWrapper,
    ObservationNormalizationWrapper,
    ObservationStackWrapper,
    PreProcessingWrapper,
    RandomResetWrapper,
    ReturnNormalizationRewardWrapper,
    RewardClippingWrapper,
    RewardScalingWrapper,
    SplitActionsWrapper,
    StatefulVectorEnv,
    StatefulWrapper,
    StepSkipWrapper,
    SyncVectorEnv,
    TimeLimitWrapper,
    VectorEnv,
    WrappedVectorEnv,
    Wrapper,
    make_vector_env,
)
from maze.env.sampling import ActionSampler
from maze.errors import ArtifactError, EnvError
from maze.types import Observation

SEEDS = [3, 1, 4, 1, 5]
Layer = tuple[type[Wrapper], dict[str, Any]]


class Looped(Wrapper):
    """A wrapper as a user writes one: it overrides reset, so each of its environments is stepped by itself."""

    def reset(self) -> Observation:
        return super().reset()


class Images(gymnasium.Env[Any, Any]):
    """Small random images and a class; two continuous actions that are paid; 3 to 9 steps."""

    def __init__(self) -> None:
        self.observation_space = spaces.Dict(
            {"image": spaces.Box(0, 255, (6, 4, 3), np.uint8), "kind": spaces.Discrete(3, start=1)}
        )
        self.action_space = spaces.Box(-1.0, 2.0, (2,), np.float32)
        self.steps = self.length = 0

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[Any, dict]:
        super().reset(seed=seed)
        self.steps, self.length = 0, 3 + int(self.np_random.integers(7))
        return self.observe(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict]:
        self.steps += 1
        reward = float(action[0] + 2 * action[1]) - 0.3 * self.steps
        return self.observe(), reward, self.steps >= self.length and self.length % 2 == 0, self.steps >= self.length, {}

    def observe(self) -> Any:
        image = self.np_random.integers(0, 256, (6, 4, 3), dtype=np.uint8)
        return {"image": image, "kind": 1 + int(self.np_random.integers(3))}

    def possible(self) -> Any:
        return [1, self.steps % 2]


class Levers(Images):
    """As the images, with a Discrete action."""

    def __init__(self) -> None:
        super().__init__()
        self.action_space = spaces.Discrete(2)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict]:
        return super().step([action, 0.5])


def factory(make: Callable[[], MazeEnv], layers: Sequence[Layer]) -> Callable[[], MazeEnv]:
    def made() -> MazeEnv:
        env = make()
        for kind, arguments in layers:
            env = kind.wrap(env, **arguments)
        return env

    return made


def cart_pole() -> MazeEnv:
    return GymMazeEnv("CartPole-v1")


def images() -> MazeEnv:
    return GymMazeEnv(Images())


def levers() -> MazeEnv:
    return GymMazeEnv(Levers())


def play(vector: VectorEnv, n_steps: int, seed: int = 0) -> list[Any]:
    """Return everything that random steps gave, as bytes."""
    rng = np.random.default_rng(seed)
    result = []
    for t in range(n_steps):
        drawn = [ActionSampler(vector.action_space).draw_one(rng, {}) for _ in range(vector.n_envs)]
        step = vector.step({key: np.stack([action[key] for action in drawn]) for key in drawn[0]})
        done = step.terminated | step.truncated
        final = step.final_observation or {}
        assert bool(final) == bool(done.any())
        arrays = [step.reward, step.terminated, step.truncated, *step.observation.values()]
        result.append([value.tobytes() for value in (*arrays, *(value[done] for value in final.values()))])
        for observation in (step.observation, {key: value[done] for key, value in final.items()}):
            for key, values in observation.items():
                assert values.dtype == vector.observation_space[key].dtype
                assert values.shape[1:] == vector.observation_space[key].shape
        if t % 40 == 39:
            vector.update_statistics()
    return result


GRAY = [
    {"observation": "image", "_target_": "maze.env.preprocessors.Rgb2Gray", "config": {"rgb_dim": -1}},
    {
        "observation": "image-rgb2gray",
        "_target_": "maze.preprocessors.ResizeImgPreProcessor",
        "config": {"target_size": [3, 3]},
    },
    {"observation": "image-rgb2gray-resize_img", "_target_": "maze.env.preprocessors.UnSqueeze", "config": {"dim": -3}},
    {"observation": "kind", "_target_": "maze.env.preprocessors.OneHot", "keep_original": True},
]
LIMIT: Layer = (TimeLimitWrapper, {"max_episode_steps": 7})
STACK: Layer = (ObservationStackWrapper, {"stack_config": [{"observation": "observation", "stack_steps": 3}]})
NORMAL: Layer = (ObservationNormalizationWrapper, {"default_strategy_config": {"clip_range": [-3, 3]}})
RETURNS: Layer = (ReturnNormalizationRewardWrapper, {"gamma": 0.9})
RANDOM: Layer = (RandomResetWrapper, {"min_skip_steps": 0, "max_skip_steps": 12})
SKIP: Layer = (StepSkipWrapper, {"n_steps": 3})
NOOP: Layer = (StepSkipWrapper, {"n_steps": 3, "skip_mode": "noop"})
DELTA: Layer = (
    ObservationStackWrapper,
    {
        "stack_config": [
            {"observation": "image", "stack_steps": 2, "delta": True, "keep_original": True, "tag": "moved"},
            {"observation": "kind", "stack_steps": 3},
        ]
    },
)
CASES: dict[str, tuple[Callable[[], MazeEnv], list[Layer]]] = {
    "time limit": (cart_pole, [LIMIT]),
    "stack": (cart_pole, [STACK]),
    "random reset": (cart_pole, [RANDOM]),
    "sticky": (cart_pole, [SKIP]),
    "noop": (cart_pole, [NOOP]),
    "returns": (cart_pole, [RETURNS]),
    "scaling": (cart_pole, [(RewardScalingWrapper, {"scale": 0.1})]),
    "clipping": (images, [(RewardClippingWrapper, {"min_val": -1, "max_val": 0.5})]),
    "observation clipping": (cart_pole, [(ObservationClippingWrapper, {"min_val": -0.1, "max_val": 0.1})]),
    "preprocessing": (images, [(PreProcessingWrapper, {"pre_processor_mapping": GRAY})]),
    "delta": (images, [DELTA]),
    "split": (images, [(SplitActionsWrapper, {"split_config": {"action": {"x": [1], "y": [0]}}})]),
    "discretize": (images, [(DiscretizeActionsWrapper, {"discretization_config": {"action": {"num_bins": [2, 5]}}})]),
    "mask": (levers, [(ActionMaskWrapper, {"method": "possible"})]),
    "dictionaries": (cart_pole, [(NoDictSpacesWrapper, {}), (DictActionWrapper, {}), (DictObservationWrapper, {})]),
    "limit around statistics": (cart_pole, [NORMAL, RETURNS, (LogStatsWrapper, {}), LIMIT]),
    "vector_obs_rnn": (cart_pole, [STACK, (NORMAL[0], {"default_strategy_config": {"axis": [0, 1]}})]),
    "long": (cart_pole, [RANDOM, LIMIT, NORMAL, SKIP, STACK, RETURNS, LIMIT, (LogStatsWrapper, {})]),
    "pixels": (
        images,
        [
            (PreProcessingWrapper, {"pre_processor_mapping": GRAY}),
            (ObservationNormalizationWrapper, {"default_strategy_config": {"axis": None}}),
            LIMIT,
            (
                ObservationStackWrapper,
                {"stack_config": [{"observation": "image-rgb2gray-resize_img-unsqueeze", "stack_steps": 4}]},
            ),
        ],
    ),
}


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_all_ways_to_step_agree_to_the_last_bit(name: str, training: bool) -> None:
    make, layers = CASES[name]
    vectors = [
        make_vector_env(factory(make, layers), 5),
        make_vector_env(factory(make, layers), 5, native=False),
        make_vector_env(factory(make, [*layers, (Looped, {})]), 5),
        SyncVectorEnv([factory(make, layers)() for _ in range(5)]),
    ]
    results = []
    for vector in vectors:
        vector.training = training
        first = [value.tobytes() for value in vector.reset(SEEDS).values()]
        frames = [first, *play(vector, 130), [value.tobytes() for value in vector.reset().values()], *play(vector, 30)]
        results.append((frames, {key: value.tobytes() for key, value in vector.statistics_state().items()}))
    assert type(vectors[2]) is SyncVectorEnv
    for result in results[1:]:
        assert result[0] == results[0][0]
        assert result[1] == results[0][1]


def test_a_single_environment_is_a_row_of_the_batch() -> None:
    make = factory(cart_pole, [RANDOM, STACK, LIMIT, RETURNS])
    vector = make_vector_env(make, 2)
    single = make()
    single.seed(7)
    observation, first = single.reset(), vector.reset([6, 7])
    assert (observation["observation"] == first["observation"][1]).all()
    for t in range(60):
        step = vector.step({"action": np.array([0, t % 2])})
        observation, reward, done, info = single.step({"action": t % 2})
        assert single.observation_space.contains(observation)
        expected = step.observation if not done else step.final_observation
        assert expected is not None
        assert (observation["observation"] == expected["observation"][1]).all()
        assert (reward, info["terminated"], info["truncated"]) == (
            step.reward[1],
            step.terminated[1],
            step.truncated[1],
        )
        assert done == (info["terminated"] or info["truncated"])
        if done:
            again = single.step({"action": 0})
            assert (again[0]["observation"] == observation["observation"]).all()
            assert again[1:3] == (0.0, True)
            assert (single.reset()["observation"] == step.observation["observation"][1]).all()


def test_batched_wherever_that_is_possible() -> None:
    nested = make_vector_env(factory(cart_pole, [NORMAL, LIMIT, STACK, (RewardScalingWrapper, {"scale": 2.0})]), 2)
    kinds = []
    inner: Any = nested
    while inner is not None:
        kinds.append(type(inner).__name__)
        inner = getattr(inner, "env", None)
    assert kinds == [
        "WrappedVectorEnv",
        "StatefulVectorEnv",
        "StatefulVectorEnv",
        "WrappedVectorEnv",
        "NativeCartPoleVectorEnv",
    ]

    class Counts(Wrapper):
        """Knows only episodes of all environments."""

        batchable = True

        def episode_start(self, batch_shape: tuple[int, ...]) -> None:
            """Count."""

    inner = make_vector_env(factory(cart_pole, [(Counts, {}), LIMIT]), 2)
    assert isinstance(inner, StatefulVectorEnv)
    assert isinstance(inner.env, SyncVectorEnv)
    assert isinstance(make_vector_env(factory(cart_pole, [LIMIT, (Counts, {})]), 2), WrappedVectorEnv)


def test_a_subclass_that_takes_its_own_course_is_stepped_by_itself() -> None:
    class Own(TimeLimitWrapper):
        def reset(self) -> Observation:
            return super().reset()

    class Other(TimeLimitWrapper):
        pass

    assert (Own.batchable, Other.batchable, StatefulWrapper.batchable) == (False, True, True)
    assert isinstance(make_vector_env(factory(cart_pole, [(Own, LIMIT[1])]), 2), SyncVectorEnv)


@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize("name", ["long", "random reset", "limit around statistics", "noop"])
def test_continued_exactly(name: str, native: bool) -> None:
    make, layers = CASES[name]
    vector, other = (make_vector_env(factory(make, layers), 3, native=native) for _ in range(2))
    vector.training = other.training = True
    vector.reset([1, 2, 3])
    play(vector, 50)
    assert vector.exact_resume
    other.load_state_dict(copy.deepcopy(vector.state_dict()))
    assert other.observation["observation"].tobytes() == vector.observation["observation"].tobytes()
    assert play(vector, 100, seed=1) == play(other, 100, seed=1)


def test_environments_stepped_one_by_one_continue_exactly() -> None:
    make, layers = CASES["long"]
    vector, other = (SyncVectorEnv([factory(make, layers)() for _ in range(2)]) for _ in range(2))
    vector.training = other.training = True
    vector.reset([1, 2])
    play(vector, 50)
    other.load_state_dict(vector.state_dict())
    assert play(vector, 100, seed=1) == play(other, 100, seed=1)


def test_what_cannot_be_saved_begins_anew() -> None:
    class Unsaveable(Images):
        engine = None

        def __init__(self) -> None:
            super().__init__()
            self.engine = object()

    layers = [LIMIT, (ObservationStackWrapper, {"stack_config": [{"observation": "kind", "stack_steps": 2}]})]
    make = factory(lambda: GymMazeEnv(Unsaveable()), layers)
    vector = make_vector_env(make, 2)
    vector.reset([1, 2])
    play(vector, 3)
    assert not vector.exact_resume
    others = []
    for _ in range(2):
        other = make_vector_env(make, 2)
        other.load_state_dict(vector.state_dict())
        assert (other.observation["kind"][:, 0] == other.observation["kind"][:, 1]).all()
        others.append(play(other, 20))
    assert others[0] == others[1]


def test_wrong_use_is_explained() -> None:
    env = factory(cart_pole, [LIMIT])()
    with pytest.raises(EnvError, match="before reset"):
        env.step({"action": 0})
    env.reset()
    with pytest.raises(EnvError, match="heads 'action'"):
        env.step({"actoin": 0})
    vector = make_vector_env(factory(cart_pole, [LIMIT]), 2)
    with pytest.raises(EnvError, match="before reset"):
        vector.step({"action": np.zeros(2, int)})
    with pytest.raises(EnvError, match="2 environments"):
        vector.reset([1])
    vector.reset([0, 1])
    with pytest.raises(EnvError, match="heads 'action'"):
        vector.step({"actoin": np.zeros(2, int)})
    with pytest.raises(ArtifactError, match="stateful TimeLimitWrapper"):
        make_vector_env(factory(cart_pole, [STACK]), 2).load_state_dict(vector.state_dict())


def test_never_seeded_environments_differ() -> None:
    vector = make_vector_env(factory(cart_pole, [RANDOM]), 8)
    assert len(np.unique(vector.reset()["observation"][:, 0])) == 8
