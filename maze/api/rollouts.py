"""Rollouts from configuration: a policy that was trained, or never was, plays episodes, and leaves a record of them.

from maze.api.rollouts import run_rollout

result = run_rollout(policy="random_policy", overrides={"env.name": "CartPole-v1", "runner.n_episodes": 10}, seed=0)
result = run_rollout(policy="torch_policy", input_dir="outputs/...", runner="parallel")
"""

from __future__ import annotations

import dataclasses
import inspect
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maze.api.arguments import absolute_directory, check_flag
from maze.api.loading import check_agent_files, find_agent, read_agent_config, stored_writers
from maze.api.quiet import Output
from maze.api.record.calls import Call, file_digest
from maze.api.record.objects import load_objects, read_index, store_objects
from maze.api.record.origins import describe_environment, write_environment
from maze.api.record.run_record import INITIAL, copy_directory, named_modules
from maze.api.rollout_arguments import compose_arguments, is_trained
from maze.api.session import logs_kept_quiet
from maze.api.single_run import refuse_multirun
from maze.api.specs import check_seed
from maze.artifacts import AgentFiles, RunFiles, write_json, write_text
from maze.config.describe import with_objects
from maze.config.instantiate import allow_modules, instantiate
from maze.config.overrides import OBJECT_KEY
from maze.config.rollout_run import RolloutRunConfig
from maze.errors import ArtifactError, InvalidSpecificationError, suggest
from maze.seeding import draw_seed
from maze.tracking import Lineage, collect_lineage

if TYPE_CHECKING:
    from maze.rollout import ActingPolicy, RolloutResult
    from maze.runner import EnvironmentMaker

__all__ = ["RolloutRun", "run_rollout"]


def run_rollout(*, silent: bool = False, **arguments: Any) -> RolloutResult:
    """Play episodes as a configuration says, and record them.

    Args:
        silent: print nothing.
        arguments: those of :meth:`RolloutRun.compose`.

    Returns:
        The episodes, and what was recorded of them; ``files`` names the record as well.

    Raises:
        InvalidSpecificationError: something is wrong; the message says the value, what is accepted and what to do.
        ArtifactError: the trained agent is missing or damaged.
    """
    with Output(silent=check_flag(silent, "silent")):
        return RolloutRun.compose(**arguments).play(silent=silent)


class RolloutRun:
    """One rollout: its resolved configuration and its record.

    Args:
        config: resolved configuration.
        objects: live objects by the place in the configuration that they take.
        seed: base of all randomness; None keeps the configuration's seeds, or draws.
        run_dir: directory of the run; None takes that of the configuration, or a fresh one.
        allow_code: let a trained agent name code outside of maze.

    Attributes:
        config: the configuration with all seeds filled in.
        run_dir: where the record and the episodes go.

    Raises:
        InvalidSpecificationError: the directory holds a run already, or is a file.
    """

    def __init__(
        self,
        config: RolloutRunConfig,
        objects: Mapping[str, Any] | None = None,
        *,
        seed: int | None = None,
        run_dir: str | Path | None = None,
        allow_code: bool = False,
    ) -> None:
        self.config = config.with_seeds(draw_seed() if seed is None else check_seed(seed), keep=seed is None)
        directory = run_dir if run_dir is not None else self.config.run_dir
        self.run_dir = absolute_directory(directory) if directory is not None else _new_run_dir(self.config).absolute()
        self._objects = dict(objects or {})
        self._allow_code = check_flag(allow_code, "allow_code")
        self._refuse_to_overwrite()

    @classmethod
    def compose(
        cls,
        *,
        run_dir: str | Path | None = None,
        seed: int | None = None,
        allow_code: bool = False,
        **arguments: Any,
    ) -> RolloutRun:
        """Compose the configuration that arguments describe; nothing is played.

        Args:
            run_dir: directory of the run; a fresh one below ``outputs`` when None.
            seed: base of all randomness; drawn and recorded when None.
            allow_code: let a trained agent name code outside of maze; trust it first.
            arguments: ``env``, ``wrappers``, ``policy``, ``runner``, ``model``, ``input_dir``, ``overrides``,
                ``configuration``, ``experiment``, ``config_name``, ``config_dir`` and ``groups``, as
                :func:`maze.api.rollout_arguments.compose_arguments` describes them.

        Raises:
            InvalidSpecificationError: something is wrong in the arguments.
            ArtifactError: the trained agent is missing or damaged.
            TypeError: there is no such argument; the message names the nearest one.
        """
        allow_code = check_flag(allow_code, "allow_code")
        accepted = [*inspect.signature(compose_arguments).parameters, "run_dir", "seed", "silent"]
        for name in arguments:
            if name not in accepted:
                raise TypeError(f"run_rollout() has no argument {name!r}; {suggest(name, sorted(accepted))}")
        config, objects = compose_arguments(**arguments, allow_code=allow_code)
        return cls(config, objects, seed=seed, run_dir=run_dir, allow_code=allow_code)

    @classmethod
    def from_config(
        cls,
        config: str | Path | Mapping[str, Any] | RolloutRunConfig,
        *,
        seed: int | None = None,
        run_dir: str | Path | None = None,
        allow_code: bool = False,
    ) -> RolloutRun:
        """Build from a resolved configuration, such as ``config.yaml`` in the directory of an earlier rollout.

        Args:
            config: a YAML file, a mapping, or the configuration itself; its own ``run_dir`` is left alone.
            seed: None keeps the configuration's seeds, which gives the same trajectories again.
            run_dir: directory of the run; a fresh one when None.
            allow_code: let a trained agent name code outside of maze.

        Raises:
            InvalidSpecificationError: the file cannot be read or a value is wrong.
        """
        allow_code = check_flag(allow_code, "allow_code")
        if isinstance(config, (str, Path)):
            resolved = RolloutRunConfig.from_yaml(config)
        else:
            resolved = config if isinstance(config, RolloutRunConfig) else RolloutRunConfig.from_mapping(config)
        return cls(resolved.replace(run_dir=None), seed=seed, run_dir=run_dir, allow_code=allow_code)

    def play(self, *, silent: bool = False) -> RolloutResult:
        """Play the episodes, and write them and the record.

        Args:
            silent: print nothing.

        Raises:
            InvalidSpecificationError: the environment or the policy cannot be made, or they do not fit together.
            ArtifactError: the trained agent is missing or damaged.
        """
        from maze.runner import play_rollout  # noqa: PLC0415

        self._refuse_to_overwrite()
        config = self.config
        with (
            Output(silent=check_flag(silent, "silent")),
            logs_kept_quiet(silent),
            allow_modules(config.allowed_modules),
        ):
            policy, environments = self._players()
            environments.files_dir = self.run_dir / "rollout"
            self._try_out(environments)  # a wrong specification is not worth a record
            with self._recorded() as call:
                result = play_rollout(
                    policy,
                    environments,
                    config.runner.settings,
                    self.run_dir / "rollout",
                    env_seed=config.seeding.env_base_seed or 0,
                    agent_seed=config.seeding.agent_base_seed or 0,
                    n_envs=config.runner.side_by_side,
                )
                call.note_episodes(result.episodes, result.files)
        return dataclasses.replace(result, files={**result.files, "record": RunFiles(self.run_dir).record})

    # --- inside -------------------------------------------------------------------------------------------------

    def _refuse_to_overwrite(self) -> None:
        refuse_multirun(self.run_dir)
        if RunFiles(self.run_dir).is_used() or (self.run_dir / "rollout").exists():
            raise InvalidSpecificationError(
                f"run_dir: {str(self.run_dir)!r} holds an earlier run, which would be overwritten; name another "
                "directory, or leave it out for a fresh one."
            )

    def _players(self) -> tuple[ActingPolicy, EnvironmentMaker]:
        """Return who plays, and what makes the environments to play in."""
        from maze.runner import EnvironmentMaker  # noqa: PLC0415

        if is_trained(self.config):
            return self._trained()
        environments = EnvironmentMaker(self.config, self._objects)
        return _make_policy(self.config, self._objects, environments), environments

    def _try_out(self, environments: EnvironmentMaker) -> None:
        """Make one environment, and close it."""
        try:
            environments.make_vector_env(1).close()
        except ArtifactError as error:
            raise InvalidSpecificationError(
                f"env, wrappers: do not fit the agent of {self.config.input_dir!r}: {error} Leave them out; the agent "
                "brings its own."
            ) from error

    def _trained(self) -> tuple[ActingPolicy, EnvironmentMaker]:
        """Load the trained agent, in the environment and the wrappers of this configuration."""
        from maze.runner import AgentRunner  # noqa: PLC0415

        files = find_agent(self.config.input_dir or "")
        check_agent_files(files)
        agent = read_agent_config(files, None, allow_code=self._allow_code)
        seeding = dataclasses.asdict(self.config.seeding)
        sections = {name: self.config.section(name) for name in ("env", "wrappers")}
        agent = agent.replace(
            {"algorithm.device": self.config.policy.get("device", "cpu"), "runner.n_processes": 0},
            **sections,
            seeding=seeding,
        )
        runner = AgentRunner(agent, {**self._stored(files), **self._objects})
        runner.load(files)
        return runner.model.policy, runner.environments

    def _stored(self, files: AgentFiles) -> dict[str, Any]:
        """Load the objects that are part of the trained agent, but for those whose places are taken here."""
        taken = [name for name in ("env", "wrappers") if OBJECT_KEY not in str(self.config.section(name))]
        replaced = [path for path in read_index(files.objects) if path.partition(".")[0] in taken]
        return load_objects(
            files.objects,
            allow_code=self._allow_code,
            without=[*replaced, *self._objects, *stored_writers(files.objects)],
        )

    @contextmanager
    def _recorded(self) -> Iterator[Call]:
        """Write the configuration, and the record once it is over, however it ends."""
        call = Call("rollout", {})
        started, clock = datetime.now(UTC), time.perf_counter()
        lineage = collect_lineage(Path.cwd())
        write_text(self.run_dir / "config.yaml", self.config.to_yaml())
        write_environment(self.run_dir, describe_environment(lineage, torch_threads=1), lineage)
        store_objects(self.run_dir / "objects", self._objects, named_modules(self.config.to_mapping()))
        began_from = self._keep_agent()
        call.status = "FAILED"
        try:
            yield call
            call.status = "FINISHED"
        except (KeyboardInterrupt, SystemExit) as interruption:
            call.status, call.reason = "KILLED", type(interruption).__name__
            raise
        except BaseException as error:
            call.reason = f"{type(error).__name__}: {error}"
            raise
        finally:
            seconds = round(time.perf_counter() - clock, 3)
            record = self._as_record(call, lineage, started, seconds)
            write_json(RunFiles(self.run_dir).record, {**record, "began_from": began_from})

    def _keep_agent(self) -> dict[str, str] | None:
        """Copy the trained agent that plays, so that the rollout can be repeated; return where it was, or None."""
        if not is_trained(self.config):
            return None
        agent = find_agent(self.config.input_dir or "")
        copy_directory(agent.root, RunFiles(self.run_dir / INITIAL).agent.root)
        return {"source": str(agent.root), "weights_sha256": file_digest(agent.weights), "directory": INITIAL}

    def _as_record(self, call: Call, lineage: Lineage, started: datetime, seconds: float) -> dict[str, Any]:
        return {
            "kind": "rollout",
            "status": call.status,
            "reason": call.reason,
            "config": self.config.to_mapping(),
            "environment": describe_environment(lineage, torch_threads=1),
            "calls": [call.as_record()],
            "started": started.isoformat(timespec="seconds"),
            "seconds": seconds,
            "tags": {**lineage.tags, **self.config.tags},
        }


def _make_policy(config: RolloutRunConfig, objects: Mapping[str, Any], environments: EnvironmentMaker) -> ActingPolicy:
    """Make the policy that a configuration describes; its class gets the spaces that its constructor names."""
    policy = with_objects(config.section("policy"), objects, "policy")
    if isinstance(policy, Mapping):
        observation_space, action_space = environments.observed_and_acted
        offered = {"observation_spaces_dict": {0: observation_space}, "action_spaces_dict": {0: action_space}}
        policy = instantiate(policy, _path_="policy", _offered_=offered)
    if not callable(getattr(policy, "act", None)):
        raise InvalidSpecificationError(
            f"policy: {policy!r} has no method act(observation, rng, deterministic), which gets N observations at once "
            "and returns N actions by action head."
        )
    made: ActingPolicy = policy
    return made


def _new_run_dir(config: RolloutRunConfig) -> Path:
    """Return a directory name of its own: the choices' names and the time, below ``log_base_dir``."""
    names = [config.choices.get(group) or "custom" for group in ("env", "policy", "runner")]
    return Path(config.log_base_dir) / "-".join(names) / datetime.now(UTC).strftime("%Y-%m-%d_%H-%M-%S-%f")
