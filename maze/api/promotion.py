"""Making an agent the champion of its task, when it is better than the present one beyond what chance explains."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maze import report
from maze.api.promoted import keep_promotion, kept_holder
from maze.api.record.afterwards import unrecorded
from maze.artifacts import RunFiles, read_json
from maze.errors import ArtifactError, InvalidSpecificationError, TrackingError, nearest_path, suggest
from maze.seeding import derive_seed
from maze.tracking import StoreLocation, project_store
from maze.tracking.asking import asking

if TYPE_CHECKING:
    from maze.rollout import Episodes

__all__ = ["Promotion", "promote", "why_not_comparable"]

_REGISTRY = "maze.tracking.mlflow_registry"
_CHANGES_RETURNS = ("Reward", "Return")
"""What the names of wrappers that change rewards hold."""
_KEEPS_RETURNS = ("ReturnNormalizationRewardWrapper",)
"""Wrappers that change rewards for learning alone, so that episodes are counted as without them."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Promotion:
    """What :func:`promote` found and did.

    Attributes:
        promoted: the agent holds the alias now.
        reason: why, or why not.
        model: registered name.
        alias: which it is about.
        run_id: of the agent.
        version: of the agent under the name; None where it was not promoted.
        predecessor: version that held the alias before; None where nobody did.
        n_episodes: how many episodes each of them played.
        mean_return: of the agent.
        predecessor_return: mean return of the one before, at the same episodes; None where nobody was before.
        difference: between the two.
        forced: it was promoted without support.
        kept_in: file that tells of it, for git; None where there is no project, or it could not be written.
        note: what went wrong although it was promoted; "" where nothing did.
    """

    promoted: bool
    reason: str
    model: str
    alias: str
    run_id: str
    version: str | None = None
    predecessor: str | None = None
    n_episodes: int = 0
    mean_return: float | None = None
    predecessor_return: float | None = None
    difference: report.PairedDifference | None = None
    forced: bool = False
    kept_in: str | None = None
    note: str = ""

    def as_mapping(self) -> dict[str, Any]:
        """Return everything as plain values, for JSON."""
        plain = dataclasses.asdict(self)
        if self.difference is not None and self.difference.interval is not None:
            plain["difference"]["interval"] = self.difference.interval._asdict()
        return plain


def promote(
    source: str | Path,
    *,
    name: str | None = None,
    alias: str = "champion",
    n_episodes: int = 100,
    confidence: float = 0.95,
    force: bool = False,
    allow_code: bool = False,
) -> Promotion:
    """Register an agent and give it an alias, if it is better than the agent that has it now.

    Both play the same episodes, which neither has seen: their seeds follow from the two agents, so that trying again
    gives the same verdict. The agent is better if the interval of the mean difference lies above zero. What was
    promoted stands in ``promoted/NAME.json`` of the project afterwards, which git should keep.

    Args:
        source: run in MLflow (id, beginning of it, name, ``models:/name/version``), or directory of a tracked run.
        name: to register it under; what its configuration says, or the environment's name, when None.
        alias: which to give.
        n_episodes: how many each of them plays.
        confidence: of the interval of the difference.
        force: give the alias in any case.
        allow_code: the agents may name code outside of maze.

    Raises:
        ArtifactError: there is no such agent in MLflow, or the store cannot be used.
        InvalidSpecificationError: a number is out of range, or the name is none.
    """
    _check(name, alias, n_episodes, confidence)
    reference, store = _reference(source)
    with _look(reference, store, name, alias) as (found, folder):
        run, holder = found["run"], found["holder"]
        if holder is None and not force:
            _refuse_lost_holder(found["model"], alias, run["id"])
        common: dict[str, Any] = {
            "model": found["model"],
            "alias": alias,
            "run_id": run["id"],
            "predecessor": None if holder is None else holder["version"],
        }
        if found["is_holder"]:
            reason = f"it is the {alias} of {found['model']!r} already"
            verdict = Promotion(promoted=True, reason=reason, version=holder["version"], **common)
            return _written_down(verdict, found["registry"])
        rival = None if holder is None else folder / holder["agent"]
        seed = derive_seed(0, f"promotion {holder['run_id'] if holder else ''} {run['id']}")
        settings = {"n_episodes": n_episodes, "deterministic": True, "seed": seed}
        measured, obstacle = _measure(folder / run["agent"], rival, settings, confidence, allow_code=allow_code)
    reason, is_better = _verdict(measured.get("difference"), obstacle, alias, rival)
    verdict = Promotion(promoted=is_better or force, reason=reason, n_episodes=n_episodes, **measured, **common)
    if not verdict.promoted:
        return verdict
    return _register(dataclasses.replace(verdict, forced=not is_better), seed, store)


def _refuse_lost_holder(name: str, alias: str, run_id: str) -> None:
    """Refuse to fill a place that only looks empty, because the store does not know what git tells."""
    holder = kept_holder(Path.cwd(), name, alias)
    if holder not in (None, run_id):
        raise ArtifactError(
            f"the {alias} of {name!r} is run {holder} according to promoted/, and this store does not know it: "
            "maze-run tracking rebuild brings it back; --force promotes without comparing with it."
        )


def _check(name: str | None, alias: str, n_episodes: int, confidence: float) -> None:
    if name is not None and (not name.strip() or set(name) & set("/:'")):
        raise InvalidSpecificationError(f"--name: {name!r} is no name of a model; use letters, digits, - and _.")
    if not alias.replace("-", "").replace("_", "").isalnum():
        raise InvalidSpecificationError(f"--alias: {alias!r} is no alias; use letters, digits, - and _.")
    if n_episodes < 2:
        raise InvalidSpecificationError(f"--episodes: {n_episodes} is not accepted; accepted is a whole number >= 2.")
    if not 0.0 < confidence < 1.0:
        raise InvalidSpecificationError(f"--confidence: {confidence} must lie between 0 and 1, for example 0.95.")


def _reference(source: str | Path) -> tuple[str, StoreLocation]:
    """Return what MLflow calls a run, and where it is: what the record in a directory tells, or the word itself.

    Raises:
        ArtifactError: the run in the directory was not tracked.
    """
    directory = Path(source)
    if not directory.is_dir():
        if hint := nearest_path(source):
            raise ArtifactError(
                f"{source}: is not there; {hint}Accepted: the directory of a tracked run, a run in MLflow."
            )
        return str(source), project_store()
    place = directory.absolute()
    pipeline = place.parents[1] / "record" / place.parent.name / f"{place.name}.json"
    record = next((path for path in (RunFiles(place).record, pipeline) if path.is_file()), None)
    told = read_json(record) if record is not None else {}
    run_id = told.get("run_id")
    if run_id is None:
        raise ArtifactError(
            f"{source}: is not the directory of a run that MLflow knows; accepted is the directory of a tracked run "
            "(its record.json names the run), an MLflow run id, or models:/name/version."
        )
    uri = told.get("config", {}).get("tracking", {}).get("uri")
    return str(run_id), project_store(uri=uri)


@contextmanager
def _look(
    reference: str, store: StoreLocation, name: str | None, alias: str
) -> Iterator[tuple[Mapping[str, Any], Path]]:
    """Give which run is meant, who has the alias, and the folder where both agents are for as long as the block."""
    values = {"action": "look", "reference": reference, "name": name, "alias": alias}
    try:
        with asking(_REGISTRY, values, store) as (found, folder):
            if found["run"] is None:
                raise ArtifactError(
                    f"{reference!r} is neither the directory of a run nor a run in MLflow at {store.uri}; "
                    f"{suggest(reference, found['names'])}"
                )
            yield found, folder
    except TrackingError as error:
        raise ArtifactError(f"{reference!r} cannot be promoted: {error}") from error


def _measure(
    source: Path, rival: Path | None, settings: Mapping[str, Any], confidence: float, *, allow_code: bool
) -> tuple[dict[str, Any], str]:
    """Let both play, and return what that gave, and why they cannot be compared, if so."""
    from maze.api.run_context import RunContext  # noqa: PLC0415

    with unrecorded(), RunContext.load(source, allow_code=allow_code, silent=True) as agent:
        episodes = agent.evaluate(**settings)
        if rival is None:
            return {"mean_return": episodes.mean_return}, ""
        with RunContext.load(rival, allow_code=allow_code, silent=True) as holder:
            obstacle = why_not_comparable(agent.config.to_mapping(), holder.config.to_mapping())
            if obstacle:
                return {"mean_return": episodes.mean_return}, obstacle
            others: Episodes = holder.evaluate(**settings)
    difference = report.paired_difference(episodes.returns, others.returns, confidence=confidence)
    numbers = {"mean_return": episodes.mean_return, "predecessor_return": others.mean_return}
    return {**numbers, "difference": difference}, ""


def why_not_comparable(first: Mapping[str, Any], second: Mapping[str, Any]) -> str:
    """Return why the returns of two agents do not mean the same, to the first one's user; "" where they do.

    Args:
        first: resolved configuration in plain containers.
        second: the same of the other agent.
    """
    if first["env"] != second["env"]:
        return "it plays another environment; give it another --name"
    if _reward_wrappers(first) != _reward_wrappers(second):
        return "its wrappers change rewards in another way; give it another --name"
    return ""


def _reward_wrappers(config: Mapping[str, Any]) -> list[Any]:
    named = [(str(wrapper.get("_target_", "")).rpartition(".")[2], wrapper) for wrapper in config["wrappers"]]
    named = [(name, wrapper) for name, wrapper in named if name not in _KEEPS_RETURNS]
    return [wrapper for name, wrapper in named if any(word in name for word in _CHANGES_RETURNS)]


def _verdict(
    difference: report.PairedDifference | None, obstacle: str, alias: str, rival: Path | None
) -> tuple[str, bool]:
    """Say whether the agent is better, and why."""
    if rival is None:
        return f"there is no {alias} yet", True
    if difference is None or difference.interval is None:
        return f"it cannot be compared with the {alias}: {obstacle}", False
    low, high, confidence = difference.interval
    told = f"{difference.mean:+.2f} return at the same {difference.n_pairs} episodes, {confidence:.0%} interval "
    told = f"{told}{low:+.2f} to {high:+.2f}"
    if difference.is_supported:
        return f"it is better than the {alias}: {told}", True
    if high < 0.0:
        return f"it is worse than the {alias}: {told}", False
    return f"it is not better than the {alias} beyond what chance explains: {told}", False


def _register(verdict: Promotion, seed: int, store: StoreLocation) -> Promotion:
    """Write the promotion down in the registry, and for git, and return it with the version."""
    bounds = None if verdict.difference is None else verdict.difference.interval
    tags = {
        "maze.promotion.reason": verdict.reason,
        "maze.promotion.forced": str(verdict.forced).lower(),
        "maze.promotion.n_episodes": verdict.n_episodes,
        "maze.promotion.seed": seed,
        "maze.promotion.mean_return": verdict.mean_return,
        "maze.promotion.predecessor": verdict.predecessor,
        "maze.promotion.interval": None if bounds is None else f"{bounds.low} {bounds.high}",
    }
    values = {
        "action": "register",
        "model": verdict.model,
        "alias": verdict.alias,
        "run_id": verdict.run_id,
        "expected": verdict.predecessor,
        "tags": {name: value for name, value in tags.items() if value is not None},
        "description": f"{'Forced: ' if verdict.forced else ''}{verdict.reason}.",
    }
    try:
        with asking(_REGISTRY, values, store) as (answer, _):
            version, registry = str(answer["version"]), answer["registry"]
    except TrackingError as error:
        raise ArtifactError(f"{verdict.run_id} was not promoted: {error}") from error
    return _written_down(dataclasses.replace(verdict, version=version), registry)


def _written_down(verdict: Promotion, registry: Mapping[str, Any]) -> Promotion:
    """Write what the registry says where git can keep it, and return the verdict with that place."""
    try:
        kept = keep_promotion(Path.cwd(), verdict.model, registry)
    except ArtifactError as error:
        return dataclasses.replace(verdict, note=f"it is promoted, but not written down for git: {error}")
    return dataclasses.replace(verdict, kept_in=None if kept is None else kept.as_posix())
