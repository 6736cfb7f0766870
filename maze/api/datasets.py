"""Recorded episodes as a versioned dataset that Minari loads, and with it every library for offline learning.

from maze import write_minari

write_minari("outputs/.../rollout", "cartpole/expert-v0", output_dir="datasets")
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maze import __version__
from maze.api.arguments import check_flag
from maze.api.loading import find_agent, refuse_code
from maze.api.record.calls import file_digest
from maze.api.record.objects import load_objects
from maze.artifacts import AgentFiles, RunFiles
from maze.config import installed_modules
from maze.config.canonical import digest
from maze.config.rollout_run import RolloutRunConfig
from maze.errors import ArtifactError, InvalidSpecificationError

if TYPE_CHECKING:
    from maze.env import MazeEnv
    from maze.rollout import TrajectoryDataset, TrajectorySource

__all__ = ["write_minari"]


def write_minari(
    source: TrajectorySource,
    dataset_id: str,
    output_dir: str | Path = "datasets",
    *,
    run: str | Path | None = None,
    author: str | None = None,
    description: str | None = None,
    allow_code: bool = False,
) -> Path:
    """Write recorded episodes as a dataset of Minari; the same episodes give the same bytes.

    Observations, actions and rewards are those that the policy saw, after all wrappers. Seeds of the episodes, spaces,
    the environment and where the agent came from are part of it. ``minari.load_dataset(dataset_id)`` finds it where
    ``MINARI_DATASETS_PATH`` is the output directory; `load_trajectories`, and with it
    ``algorithm.demonstrations=``, reads the returned directory.

    Args:
        source: what was recorded, as `load_trajectories` understands it.
        dataset_id: ``"name-v0"`` or ``"folder/name-v0"``; a dataset that is there is never overwritten.
        output_dir: directory of datasets.
        run: directory of the run that was recorded, MLflow run id, or ``models:/name/version``; tells the spaces and
            the environment. None looks around the recorded files.
        author: who made it, for the metadata.
        description: what it is for, for the metadata; None says what was recorded.
        allow_code: let the run name code outside of maze; trust it first.

    Returns:
        The directory of the dataset, ``output_dir/dataset_id``.

    Raises:
        InvalidSpecificationError: the id has no version or is taken, the steps are not of the run's environment, or
            Minari is not installed.
        ArtifactError: nothing was recorded, or there is no run.
    """
    from maze.rollout.dataset import load_trajectories, recorded_files  # noqa: PLC0415
    from maze.rollout.minari_files import check_dataset_id, import_minari, write_minari_episodes  # noqa: PLC0415

    import_minari()
    target = Path(output_dir).absolute() / check_dataset_id(dataset_id)
    _refuse_to_overwrite(target, dataset_id)
    files = recorded_files(source)
    player = _Player(_find_run(files) if run is None else run, allow_code=check_flag(allow_code, "allow_code"))
    dataset = load_trajectories(files)
    with player.make_env() as env:
        observation_space, action_space = env.observation_space, env.action_space
        spec = None if dataset.statistics else _specification(env)
    dataset = dataset.fitted(observation_space, action_space)
    words = description or f"{dataset.n_episodes} episodes of {player.who} in {player.where}, after all wrappers"
    metadata: dict[str, Any] = {
        "dataset_id": dataset_id,
        "description": words,
        "algorithm_name": player.who,
        "maze": player.lineage,
    }
    metadata |= {} if author is None else {"author": {author}}
    metadata |= {} if spec is None else {"requirements": [f"gymnasium=={version('gymnasium')}"]}
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as scratch:
        whole = Path(scratch) / target.name
        write_minari_episodes(
            whole / "data",
            _episodes(dataset, _seeds(files, dataset.n_episodes)),
            observation_space,
            action_space,
            metadata=metadata,
            env_spec=spec,
            statistics=dataset.statistics,
        )
        whole.replace(target)
    return target


def _refuse_to_overwrite(target: Path, dataset_id: str) -> None:
    if target.exists():
        name, _, number = dataset_id.rpartition("-v")
        raise InvalidSpecificationError(
            f"dataset_id: {dataset_id!r} is there already ({target}), and datasets are not changed; take the next "
            f"version, {name}-v{int(number) + 1}."
        )


class _Player:
    """The run that was recorded: who played where.

    Args:
        source: directory of a trained agent or of a rollout from configuration, or what MLflow calls an agent.
        allow_code: let it name code outside of maze.

    Attributes:
        who: name of the algorithm or of the policy.
        where: name of the environment.
        lineage: what identifies the agent and its configuration: digests, version, wrappers; no places, no times.
    """

    def __init__(self, source: str | Path, *, allow_code: bool) -> None:
        self._directory, self._allow_code = Path(source), allow_code
        self._rollout = _rollout_config(self._directory)
        if self._rollout is None:
            from maze.api.run_context import RunContext  # noqa: PLC0415

            agent = find_agent(source)
            self._context = RunContext.load(agent.root, allow_code=allow_code, silent=True)
            sections, weights = self._context.config.agent_part(), {"weights_sha256": file_digest(agent.weights)}
        else:
            modules = () if allow_code else self._rollout.allowed_modules
            refuse_code(AgentFiles(self._directory), modules, installed_modules())
            sections, weights = {name: self._rollout.section(name) for name in ("env", "wrappers", "policy")}, {}
        self.who = _short_name(sections.get("algorithm") or sections["policy"])
        self.where = sections["env"].get("name") or _short_name(sections["env"])
        wrappers = [_short_name(wrapper) for wrapper in sections["wrappers"]]
        self.lineage = {"version": __version__, "config_sha256": digest(sections), "wrappers": wrappers, **weights}

    def make_env(self) -> MazeEnv:
        """Return an environment as it was played in."""
        if self._rollout is None:
            env: MazeEnv = self._context.env_factory()
            return env
        from maze.runner import EnvironmentMaker  # noqa: PLC0415

        objects = load_objects(self._directory / "objects", allow_code=self._allow_code)
        return EnvironmentMaker(self._rollout, objects).make_env()


def _short_name(component: Mapping[str, Any]) -> str:
    """Return the name of a component's class; an algorithm's without what all of them end in."""
    name = str(component.get("_target_", "an object")).rpartition(".")[2]
    return name.removesuffix("AlgorithmConfig") or name


def _rollout_config(source: Path) -> RolloutRunConfig | None:
    """Return the configuration of a rollout from configuration; None where the source is something else."""
    if (source / "agent").exists() or not RunFiles(source).record.is_file():
        return None
    return RolloutRunConfig.from_yaml(source / "config.yaml")


def _find_run(files: list[Path]) -> Path:
    """Return the run beside which steps were recorded: a run's own ``rollout/``, or that of a seed of the pipeline.

    Raises:
        ArtifactError: there is none.
    """
    rollout = files[0].absolute().parent
    for place in (rollout.parent, rollout.parents[1] / "train" / rollout.name):
        if (place / "agent" / "config.yaml").is_file() or RunFiles(place).record.is_file():
            return place
    raise ArtifactError(
        f"{files[0]}: there is no run beside it that says in which environment it was recorded; name it with run= "
        "(maze-run: --run RUN)."
    )


def _specification(env: Any) -> Any:
    """Return how gymnasium makes the environment; None where wrappers show another one, or gymnasium has it not."""
    from gymnasium.envs.registration import EnvSpec  # noqa: PLC0415

    from maze.env import GymMazeEnv, to_dict_space  # noqa: PLC0415

    seen = (env.observation_space, env.action_space)
    while not isinstance(env, GymMazeEnv) and hasattr(env, "env"):
        env = env.env
    spec = getattr(getattr(env, "env", None), "spec", None)
    if not isinstance(env, GymMazeEnv) or not isinstance(spec, EnvSpec):
        return None
    own = (to_dict_space(env.env.observation_space, "observation"), to_dict_space(env.env.action_space, "action"))
    try:
        spec.to_json()
    except TypeError:  # its constructor or an argument has no name
        return None
    return spec if own == seen else None


def _seeds(files: list[Path], n_episodes: int) -> list[int] | list[None]:
    """Return the seed of each episode, from the tables beside the steps; Nones where a table is missing."""
    import pyarrow.parquet as pq  # noqa: PLC0415

    tables = [file.parent / "episodes.parquet" for file in files]
    seeds = [
        seed
        for table in tables
        if table.is_file()
        for seed in pq.read_table(table, columns=["seed"])["seed"].to_pylist()
    ]
    return seeds if len(seeds) == n_episodes else [None] * n_episodes


def _episodes(dataset: TrajectoryDataset, seeds: list[int] | list[None]) -> list[dict[str, Any]]:
    """Cut the steps into episodes, each with its last observation.

    Raises:
        InvalidSpecificationError: a step does not begin with what the one before it led to.
    """
    import numpy as np  # noqa: PLC0415

    episodes = []
    for seed, start, length in zip(seeds, dataset.starts, dataset.lengths, strict=True):
        rows = slice(start, start + length)
        observations = {}
        for key, values in dataset.observation.items():
            following = dataset.next_observation[key][rows]
            if not np.array_equal(values[rows][1:], following[:-1], equal_nan=values.dtype.kind == "f"):
                raise InvalidSpecificationError(
                    f"trajectories: the observation {key!r} of a step is not what the step before led to, and Minari "
                    "keeps one observation between two steps; record with wrappers that observe the same twice."
                )
            observations[key] = np.concatenate([values[rows], following[-1:]])
        episodes.append(
            {
                "seed": seed,
                "observations": observations,
                "actions": {head: values[rows] for head, values in dataset.action.items()},
                "rewards": dataset.reward[rows],
                "terminations": dataset.terminated[rows],
                "truncations": dataset.truncated[rows],
            }
        )
    return episodes
