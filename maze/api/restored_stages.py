"""What the stages of one seed left, from which its run in the tracking store is completed without running them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from maze import report
from maze.api.record.shown_files import shown_artifacts
from maze.artifacts import AgentFiles, read_csv, read_json, write_csv, write_text
from maze.env.spaces import space_from_json
from maze.statistics import event_tags
from maze.statistics.totals import EpisodeTotals
from maze.tracking import AgentModel, LoggedDataset, RestoredStage

__all__ = ["STAGES", "restored_stages"]

STAGES = ("train", "rollout", "evaluate")
"""Stages of the pipeline that work on one seed's agent, in their order."""

_COLUMNS = ("step", "epoch", "return")
"""Columns of a curve that are no numbers of their own."""


def restored_stages(seed: int, out: Path, scratch: Path, *, registered: tuple[str, str]) -> list[RestoredStage]:
    """Return what the stages of one seed left.

    Args:
        seed: whose.
        out: where the stages have written.
        scratch: directory for tables and figures as a run shows them.
        registered: name to register the agent under, and alias; "" registers nothing.

    Raises:
        ArtifactError: something is missing.
    """
    stages = [_train(seed, out, scratch, registered), *(_played(stage, seed, out, scratch) for stage in STAGES[1:])]
    return [_with_figures(stage, seed, out, scratch / f"{stage.name}-{seed}") for stage in stages]


def _train(seed: int, out: Path, scratch: Path, registered: tuple[str, str]) -> RestoredStage:
    folder, record = _places("train", seed, out)
    curve = scratch / f"train-{seed}.csv"
    write_csv(curve, _told(read_csv(folder / "curve.csv"), read_json(folder / "metrics.json")))
    agent = AgentFiles(folder / "agent").require()
    spaces = read_json(agent.spaces)
    model = AgentModel.from_spaces(
        space_from_json(spaces["raw_observation"]),
        space_from_json(spaces["action"]),
        registered_name=registered[0],
        alias=registered[1],
    )
    return RestoredStage(
        name="train",
        record=record,
        curve=curve,
        agent_dir=agent.root,
        agent=model,
        datasets=tuple(LoggedDataset(**one) for one in read_json(record).get("datasets", ())),
        files={
            "record/train/record.json": record,
            "record/train/curve.csv": folder / "curve.csv",
            "record/train/metrics.json": folder / "metrics.json",
            **_objects(folder),
            **shown_artifacts(_shown("train", seed, out)),
        },
    )


def _told(curve: Sequence[Mapping[str, Any]], summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of a learning curve as a run in the store is told them while it trains.

    Args:
        curve: rows by the run's own names.
        summary: the numbers of the run's end.
    """
    totals = EpisodeTotals()
    numbers = [{name: row[name] for name in row if name not in _COLUMNS} for row in curve]
    rows = [
        {"step": row["step"], **told, **event_tags({**told, **totals.add(told)})}
        for row, told in zip(curve, numbers, strict=True)
    ]
    best = {f"best/{name}": summary.get(f"best_{name}") for name in ("epoch", "return")}
    if rows:
        rows[-1] |= {name: value for name, value in best.items() if value is not None}
    return rows


def _played(stage: str, seed: int, out: Path, scratch: Path) -> RestoredStage:
    """Return what a stage left that played episodes."""
    folder, record = _places(stage, seed, out)
    table = scratch / f"{stage}-{seed}.csv"
    write_text(table, report.episodes_as_csv(folder / "episodes.parquet"))
    return RestoredStage(
        name=stage,
        record=record,
        metrics=folder / "metrics.json",
        prefix=f"{stage}/",
        files={
            f"record/{stage}/record.json": record,
            f"tables/{stage}_episodes.csv": table,
            **shown_artifacts(_shown(stage, seed, out)),
        },
    )


def _places(stage: str, seed: int, out: Path) -> tuple[Path, Path]:
    """Return the folder and the record of a stage."""
    return out / stage / str(seed), out / "record" / stage / f"{seed}.json"


def _shown(stage: str, seed: int, out: Path) -> Path:
    """Return the directory of what a stage showed and no other output holds."""
    return out / "copies" / stage / str(seed) / "shown"


def _objects(folder: Path) -> dict[str, Path]:
    """Return what was stored of live objects and modules of one's own, for people to read."""
    objects = AgentFiles(folder / "agent").objects
    return {f"record/train/agent/objects/{name}": path for name, path in shown_artifacts(objects).items()}


def _with_figures(stage: RestoredStage, seed: int, out: Path, scratch: Path) -> RestoredStage:
    """Return a stage with the figures that it had drawn; the store takes what its run does not have."""
    folder, _ = _places(stage.name, seed, out)
    if stage.name == "train":
        figures = {"learning_curve": report.learning_curve_figure({seed: report.read_curve(folder / "curve.csv")})}
    else:
        table = {seed: report.read_episodes(folder / "episodes.parquet")}
        figures = {
            f"{stage.name}_returns": report.return_histogram_figure(table),
            f"{stage.name}_lengths": report.episode_length_figure(table),
        }
    files = dict(stage.files)
    for name, figure in figures.items():
        files[f"figures/{name}.png"] = scratch / f"{name}.png"
        report.save_figure(figure, scratch / f"{name}.png")
    return replace(stage, files=files)
