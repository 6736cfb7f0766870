"""Repeating a run from its record alone, and saying whether it came out the same to the last bit.

from maze.api.replay.run import replay

report = replay("outputs/gym_env-flatten_concat-ppo/2026-01-01_12-00-00-000000")
print(report.identical, report.first)
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from maze.api.arguments import check_flag, check_source
from maze.api.components import read_component
from maze.api.loading import read_env, stored_writers
from maze.api.quiet import Output
from maze.api.record.calls import Call, read_arguments
from maze.api.record.objects import allow_copies, load_objects
from maze.api.record.origins import describe_environment, environment_differences
from maze.api.replay.recorded import Recorded, find_recorded
from maze.api.replay.report import ReplayReport, compare_part
from maze.api.rollouts import RolloutRun
from maze.api.signals import BrokenOff, Interruption
from maze.api.single_run import SingleRun
from maze.artifacts import AgentFiles, RunFiles
from maze.config import RunConfig
from maze.config.foreign import ForeignErrors, error_text
from maze.config.own_code import modules_of_ids
from maze.config.rollout_run import RolloutRunConfig
from maze.errors import ArtifactError, InvalidSpecificationError, MazeError
from maze.tracking import collect_lineage

__all__ = ["replay"]

_WITH_IDS = ("env", "wrappers", "algorithm", "model", "policy", "evaluation", "rollout")
"""Sections whose values may be ids of environments."""


class _BrokeError(MazeError):
    """A call of the repetition broke."""


def replay(
    source: str | Path,
    *,
    allow_code: bool = False,
    output_dir: str | Path | None = None,
    env: Any = None,
    track: bool = False,
    silent: bool = False,
) -> ReplayReport:
    """Make all calls of a run again, from its record alone, and compare everything that they give.

    The code is that of the installed packages, the present one; where it is not the code of the run, the report says
    so. The run itself is only read.

    Args:
        source: directory of a run, one seed's outputs of a pipeline (``out/train/0``), an MLflow run id, or
            ``models:/name@champion`` or ``models:/name/version`` for the run that made a registered policy.
        allow_code: load the objects and modules that are stored with the run, which runs their code.
        output_dir: where the repetition goes, which must be empty or not there; None takes a temporary directory, which
            stays only if there is a difference to look at.
        env: a callable that makes the environment, in place of one that could not be stored.
        track: record the repetition in the tracking store as the run was, and let the user's own writers of statistics
            write again.
        silent: print nothing.

    Returns:
        Whether it is bit-identical, and if not, the first difference, with what differs between the two environments.

    Raises:
        ArtifactError: there is no record, or something that it needs is missing or damaged.
        InvalidSpecificationError: the run needs code that was not allowed, or ``output_dir`` is in use.
    """
    check_source(source)
    allow_code = check_flag(allow_code, "allow_code")
    track, silent = check_flag(track, "track"), check_flag(silent, "silent")
    with Output(silent=silent):
        return _replay(source, allow_code, output_dir, env, track, silent)


def _replay(
    source: str | Path, allow_code: bool, output_dir: str | Path | None, env: Any, track: bool, silent: bool
) -> ReplayReport:
    parts = find_recorded(source)
    with _directory(output_dir) as directory:
        differences, compared = [], []
        agent: AgentFiles | None = None
        for part in parts:
            place = directory if part.part == "run" else directory / part.part
            repetition = _Repetition(part, place, allow_code=allow_code, env=env, track=track, silent=silent)
            loaded = None if part.inherits else part.initial or agent or _agent_beside(part)
            calls = repetition.make_calls(loaded)
            agent = RunFiles(place).agent if part.part == "train" else agent
            found, names = compare_part(part, RunFiles(place), calls)
            differences += found
            compared += names
        report = ReplayReport(
            source=str(source),
            directory=directory,
            differences=tuple(differences),
            environment=_environment_differences(parts),
            compared=tuple(compared),
            reasons=tuple(_reservations(parts)),
        )
    if output_dir is None and report.identical:
        shutil.rmtree(directory, ignore_errors=True)
    return report


def _agent_beside(part: Recorded) -> AgentFiles | None:
    """Return the agent that a stage was given, where the training is not repeated."""
    if part.part in ("run", "train"):
        return None
    return RunFiles(part.files.root.parent.parent / "train" / part.files.root.name).agent.require()


@contextlib.contextmanager
def _directory(given: str | Path | None) -> Iterator[Path]:
    """Give an empty directory, and take it away again where the run cannot be repeated."""
    if given is None:
        directory = Path(tempfile.mkdtemp(prefix="maze-replay-"))
    else:
        directory = Path(given).absolute()
        if directory.is_file() or (directory.is_dir() and any(directory.iterdir())):
            raise InvalidSpecificationError(f"output_dir: {str(given)!r} is in use; accepted is an empty directory.")
    try:
        yield directory
    except BaseException:
        if given is None:
            shutil.rmtree(directory, ignore_errors=True)
        raise


class _Repetition:
    """Makes the calls of one record again."""

    def __init__(
        self, part: Recorded, directory: Path, *, allow_code: bool, env: Any, track: bool, silent: bool
    ) -> None:
        self._part = part
        self._directory = directory
        self._allow_code = allow_code
        self._env = env
        self._track = track
        self._silent = silent

    def make_calls(self, agent: AgentFiles | None) -> list[Call]:
        """Make all calls, in as many sessions as there were, and return what they gave.

        Args:
            agent: the agent that the first session begins with, or None.
        """
        self._check()
        if self._allow_code is True:
            allow_copies(self._part.objects)
        else:
            self._refuse_modules()
        if self._part.is_rollout:
            return [self._roll_out(call) for call in self._part.content["calls"]]
        arguments = self._load(self._part.calls, [])
        made: list[Call] = []
        runs: dict[int, SingleRun] = {}
        try:
            for index, call in enumerate(self._part.content["calls"]):
                if call.get("status") == "RUNNING":  # its process was killed, and what came later did not see it
                    made.append(Call(call["method"], {}))
                    continue
                run = self._session(int(call.get("session", 0)), runs, agent)
                if "draws" in call:
                    run.draw_on_from(call["draws"])
                made.append(self._make(run, index, call, read_arguments(call["arguments"], arguments)))
        finally:
            for run in runs.values():
                run.close()
        return made

    def _session(self, number: int, runs: dict[int, SingleRun], agent: AgentFiles | None) -> SingleRun:
        """Return the context of a session, begun with its first call; one that trains ends the one before."""
        if number not in runs:
            session = self._part.sessions[number]
            is_loaded = bool(session.get("loaded"))
            directory = self._part.objects_of(number)
            unused = [] if self._track and not is_loaded else stored_writers(directory)
            objects = self._load(directory, unused if self._env is None else ["env", *unused])
            if not is_loaded:
                for earlier, run in runs.items():
                    if not self._part.sessions[earlier].get("loaded"):
                        run.close()
            runs[number] = self._begin(session, objects, agent, resumes=number > 0)
        return runs[number]

    def _check(self) -> None:
        """Refuse what no repetition can repeat, before anything is begun."""
        if not self._part.content["calls"]:
            raise ArtifactError(f"{self._part.files.root}: the record lists no calls; there is nothing to repeat.")
        trained = [number for number, session in enumerate(self._part.sessions) if not session.get("loaded")]
        for number, call in self._part.calls_of(trained[-1] if trained else 0):
            if call.get("status") == "RUNNING":
                raise ArtifactError(
                    f"{self._part.files.root}: call {number} ({call['method']}) has no end: it is still running, or "
                    "its process was killed before it could write one. Wait for it, or train again."
                )

    def _refuse_modules(self) -> None:
        """Refuse a record that names modules of somebody's own; none of them is imported."""
        content = self._part.content
        configs = [content.get("config"), *(session.get("config") for session in self._part.sessions)]
        modules = {str(name) for config in configs if config for name in config.get("allowed_modules") or ()}
        for config in configs:
            modules |= modules_of_ids({name: (config or {}).get(name) for name in _WITH_IDS})
        modules |= modules_of_ids([call.get("arguments") for call in content["calls"]])
        if modules:
            raise InvalidSpecificationError(
                f"{self._part.files.root}: the run needs code of {', '.join(map(repr, sorted(modules)))}, which is not "
                "part of maze; if you trust it, pass allow_code=True (maze-run: --allow-code)."
            )

    def _load(self, directory: Path, without: list[str]) -> dict[str, Any]:
        return load_objects(directory, allow_code=self._allow_code, without=without)

    def _roll_out(self, call: Mapping[str, Any]) -> Call:
        """Repeat a rollout from configuration."""
        objects = self._load(self._part.objects, [] if self._env is None else ["env"])
        given = objects if self._env is None else {**objects, "env": read_component(self._env, "env")}
        content = {**self._part.content["config"], "run_dir": None}
        if self._part.initial is not None:
            content["input_dir"] = str(self._part.initial.root)
        config = RolloutRunConfig.from_mapping(content)
        run = RolloutRun(config, given, run_dir=self._directory, allow_code=self._allow_code)
        result = run.play(silent=self._silent)
        played = {name: path for name, path in result.files.items() if name != "record"}
        return Call.of_episodes("rollout", call["arguments"], result.episodes, played)

    def _begin(
        self, session: Mapping[str, Any], objects: Mapping[str, Any], agent: AgentFiles | None, *, resumes: bool
    ) -> SingleRun:
        content = session["config"]
        config = RunConfig.from_mapping({**content, "run_dir": None})
        if self._part.inherits and self._part.initial is not None:
            config = config.replace({"input_dir": str(self._part.initial.root)})
        if not self._track:
            names = [writer for writer in config.tracking.writers if isinstance(writer, str)]
            config = config.replace({"tracking.mode": "off", "tracking.writers": names})
        given = dict(objects)
        if self._env is not None:
            config, given["env"] = read_env(config, self._env)
        if session.get("loaded"):
            return SingleRun(config, given, agent=RunFiles(self._directory).agent, silent=self._silent)
        plays = self._part.part not in ("run", "train")
        return SingleRun(
            config,
            given,
            run_dir=None if plays else self._directory,
            files_dir=self._directory,
            agent=None if resumes else agent,
            resume=resumes,
            silent=self._silent,
        )

    def _make(self, run: SingleRun, index: int, call: Mapping[str, Any], arguments: dict[str, Any]) -> Call:
        """Make one call; where it went to another place than the run's own, its files go to a place in the new one."""
        method = call["method"]
        if method not in ("train", "evaluate", "rollout"):
            raise ArtifactError(f"{self._part.files.root}: call {index} is {method!r}, which cannot be repeated.")
        if method == "rollout" and ("output_dir" in arguments or self._part.part == "rollout"):
            name = "rollout" if self._part.part == "rollout" else f"call-{index}"
            arguments["output_dir"] = self._directory / name
        run.interruption = _interruption(call)
        again = Call(method, arguments)
        again.status = "FINISHED"
        try:
            with ForeignErrors(lambda error: _BrokeError(error_text(error))):
                given = getattr(run, method)(**arguments)
        except BrokenOff:
            again.status = "KILLED"
            return again
        except _BrokeError as error:
            if call.get("status") != "FAILED":
                raise ArtifactError(
                    f"{self._part.files.root}: call {index} ({method}) cannot be repeated: {error}"
                ) from error.__cause__
            again.status, again.reason = "FAILED", str(error)
            return again
        if method == "train":
            again.note(given)
        else:
            again.note_episodes(getattr(given, "episodes", given), getattr(given, "files", None))
        return again


def _interruption(call: Mapping[str, Any]) -> Interruption | None:
    """Return where a recorded training was interrupted, or None where it was not."""
    if call["method"] != "train" or call.get("status") != "KILLED":
        return None
    breaks_off = not str(call.get("reason", "")).startswith("signal")  # a second Ctrl-C
    return Interruption(int(call.get("n_epochs", 0)), int(call.get("n_updates", 0)), breaks_off)


def _environment_differences(parts: list[Recorded]) -> dict[str, tuple[Any, Any]]:
    """Return what differs between the places of the run and this one."""
    lineage = collect_lineage(Path.cwd())
    differences: dict[str, tuple[Any, Any]] = {}
    for part in parts:
        for session in part.sessions:
            recorded = session.get("environment") or {}
            threads = recorded.get("threads", {}).get("torch", 1)  # the repetition gives torch as many
            if recorded:
                differences |= environment_differences(recorded, describe_environment(lineage, torch_threads=threads))
    return differences


def _reservations(parts: list[Recorded]) -> Iterator[str]:
    """Say what of the run could be repeated in part only."""
    for part in parts:
        for number, call in enumerate(part.content["calls"]):
            if not call.get("is_repeatable", True):
                yield (
                    f"{part.part}, call {number} ({call['method']}) cannot be repeated to the last bit: what its "
                    "algorithm did depended on time (asynchronous actors); a difference says nothing."
                )
            if call.get("status") == "KILLED":
                yield (
                    f"{part.part}, call {number} ({call['method']}) was interrupted ({call.get('reason')}) after "
                    f"{call.get('n_epochs', 0)} epochs and {call.get('n_updates', 0)} updates; so was its repetition."
                )
            elif call.get("status") == "RUNNING":
                yield f"{part.part}, call {number} ({call['method']}) has no end, and was left out."
