"""Names of MazeRL's and bare names are answered with the name under which maze offers the same."""

from __future__ import annotations

from typing import Any

import pytest

import maze
from maze import RunContext
from maze.config.offered import meant_by, offered_as
from maze.config.rollout_run import compose_rollout
from maze.config.targets import check_target, resolve_target
from maze.errors import InvalidSpecificationError

OFFERED = [
    ("maze.core.wrappers.time_limit_wrapper.TimeLimitWrapper", "maze.TimeLimitWrapper"),
    ("maze.core.wrappers.time_limit_wrapper.TimeLimitWraper", "maze.TimeLimitWrapper"),
    ("maze.core.wrappers.maze_gym_env_wrapper.GymMazeEnv", "maze.GymMazeEnv"),
    ("maze.core.agent.random_policy.DistributedRandomPolicy", "maze.RandomPolicy"),
    ("maze.core.agent.torch_actor_critic.TorchActorCritic", "maze.ActorCritic"),
    ("maze.train.trainers.a2c.a2c_algorithm_config.A2CAlgorithmConfig", "maze.A2CAlgorithmConfig"),
    ("maze.train.trainers.common.replay_buffer.uniform_replay_buffer.UniformReplayBuffer", "maze.ReplayBuffer"),
    ("maze.perception.blocks.feed_forward.dense.DenseBlock", "maze.DenseBlock"),
    ("maze.perception.models.template_model_composer.TemplateModelComposer", "maze.TemplateModelComposer"),
    ("maze.preprocessors.Flatten", "maze.env.preprocessors.Flatten"),
    ("maze.preprocessors.ResizeImgPreProcessor", "maze.env.preprocessors.ResizeImg"),
    ("maze.distributions.beta.BetaProbabilityDistribution", "maze.Beta"),
    ("hydra_plugins.maze_local_launcher.MazeLocalLauncher", "maze.JoblibLauncher"),
    ("TimeLimitWrapper", "maze.TimeLimitWrapper"),
    ("TimeLimitWraper", "maze.TimeLimitWrapper"),
    ("maze.core.wrappers.action_recording_wrapper.ActionRecordingWrapper", "maze.TrajectoryRecordingWrapper"),
    ("maze.core.log_events.monitoring_events.RewardEvents", "maze.RewardEvents"),
    ("Tanh", "torch.nn.Tanh"),
]


@pytest.mark.parametrize(("given", "offered"), OFFERED)
def test_the_last_part_of_a_name_decides(given: str, offered: str) -> None:
    assert offered_as(given) == offered
    assert resolve_target(offered) is not None
    with pytest.raises(InvalidSpecificationError, match=offered.replace(".", r"\.")):
        resolve_target(given, "env._target_")


@pytest.mark.parametrize(
    "name", ["maze.GymMazeEnv", "maze.GymMazEnv", "maze.errors.MazeErorr", "os.system", "Nothing", "maze.enf.X"]
)
def test_names_that_are_right_or_said_nothing_about_are_left_alone(name: str) -> None:
    assert offered_as(name) is None
    assert meant_by(name) == ""


def test_what_has_no_counterpart_is_told_where_it_is_written_down() -> None:
    assert "docs/migration.md" in meant_by("maze.core.agent.flat_policy.FlatPolicy")
    with pytest.raises(InvalidSpecificationError, match=r"was not found: it is a name of MazeRL's"):
        RunContext(model={"_target_": "maze.core.agent.flat_policy.FlatPolicy"})


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("maze.core.wrappers.observation_visualization_wrapper.ObservationVisualizationWrapper", "define_plot"),
        ("maze.core.wrappers.sorted_spaces_wrapper.SortedSpacesWrapper", "RLlib, which comes in a later release"),
        ("maze.perception.models.critics.DeltaStateCriticComposer", "sub-steps, which come in a later release"),
        ("maze.perception.models.critics.critic_composer.SharedStateActionCriticComposer", "come in a later release"),
        ("maze.perception.blocks.GraphConvBlock", "graphs and point clouds come in a later release"),
        ("maze.perception.blocks.feed_forward.point_net.PointNetFeatureBlock", "come in a later release"),
        ("maze.train.trainers.es.es_events.ESEvents", r"numbers of the run, such as loss/policy"),
        ("SortedSpacesWrapper", "RLlib"),
    ],
)
def test_what_nothing_is_called_here_is_answered_by_what_is_known_of_it(name: str, words: str) -> None:
    assert offered_as(name) is None
    for where in ({"wrappers": {name: {}}}, {"critic": {"_target_": name}}):
        with pytest.raises(InvalidSpecificationError, match=words) as caught:
            RunContext(**where)  # type: ignore[arg-type]
        assert "did you mean" not in str(caught.value)


@pytest.mark.parametrize("policy", ["masked_random_policy", "replay_recorded_actions_policy"])
def test_policies_of_mazerl_are_told_where_they_went(policy: str) -> None:
    for compose in (RunContext, maze.run_rollout):
        with pytest.raises(InvalidSpecificationError, match=rf"{policy}.* see docs/migration\.md"):
            compose(policy=policy, silent=True)


def test_what_is_no_text_is_refused_as_before() -> None:
    with pytest.raises(InvalidSpecificationError, match=r"3 is not the dotted name .*'torch\.nn\.Tanh'"):
        check_target(3)


LIMIT: dict[str, Any] = {"max_episode_steps": 5}


@pytest.mark.parametrize(
    "wrappers",
    [
        {"maze.core.wrappers.time_limit_wrapper.TimeLimitWrapper": LIMIT},
        {"TimeLimitWrapper": LIMIT},
        [{"_target_": "TimeLimitWrapper", **LIMIT}],
        ["TimeLimitWrapper"],
        "TimeLimitWrapper",
    ],
    ids=["former path", "bare name", "in a list", "name in a list", "as a name"],
)
def test_every_way_to_name_a_wrapper_wrongly_is_answered_with_its_name(wrappers: Any) -> None:
    with pytest.raises(InvalidSpecificationError, match=r"^wrappers.*'maze\.TimeLimitWrapper'"):
        RunContext(wrappers=wrappers)


def test_every_component_answers_alike() -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"env": {"_target_": "maze.core.x.make_gym_maze_env", "name": "CartPole-v1"}}, "make_gym_maze_env"),
        ({"algorithm": {"_target_": "maze.train.trainers.ppo.PPOAlgorithmConfig"}}, "PPOAlgorithmConfig"),
        ({"critic": {"_target_": "StateCriticComposer", "networks": []}}, "StateCriticComposer"),
        ({"algorithm.rollout_evaluator": {"_target_": "maze.train.x.RolloutEvaluator"}}, "RolloutEvaluator"),
    ]
    for overrides, name in wrong:
        assert name in maze.__all__
        with pytest.raises(InvalidSpecificationError, match=rf"did you mean 'maze\.{name}'\?"):
            RunContext(overrides=overrides)


@pytest.mark.parametrize(
    ("argument", "instead"), [("statistics_dump", "default_statistics"), ("sampling_policy", "estimation_samples")]
)
def test_arguments_that_are_gone_say_what_there_is_instead(argument: str, instead: str) -> None:
    message = rf"^wrappers\.0\.{argument}: .*no such argument; .*{instead}.*Leave it out"
    with pytest.raises(InvalidSpecificationError, match=message):
        RunContext(wrappers={"maze.ObservationNormalizationWrapper": {argument: None}})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"experiment": "nevergrad"}, r"^experiment: 'nevergrad' not found; .*maze-run tune"),
        ({"overrides": {"hydra/sweeper": "nevergrad"}}, r"^hydra/sweeper: .*maze-run tune"),
        ({"overrides": {"hydra/launcher": "local"}}, r"^hydra/launcher: .*launcher='joblib'"),
        ({"overrides": {"hydra.run.dir": "x"}}, r"^hydra\.run\.dir: .*run_dir names the directory"),
        ({"overrides": {"algorithm_runner": "ppo-dev"}}, r"^algorithm_runner: .*runner='local'"),
        ({"overrides": {"runner.normalization_samples": 1}}, r"^runner\.normalization_samples: .*estimation_samples"),
    ],
)
def test_options_groups_and_keys_that_are_gone_say_what_there_is_instead(
    arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidSpecificationError, match=message):
        RunContext(**arguments)


def test_rollouts_say_the_same() -> None:
    with pytest.raises(InvalidSpecificationError, match=r"^experiment: 'nevergrad' not found; .*maze-run tune"):
        compose_rollout({"experiment": "nevergrad"})
    with pytest.raises(InvalidSpecificationError, match=r"^algorithm_runner: .*runner='local'"):
        compose_rollout({"algorithm_runner": "ppo-dev"})
