"""What a repetition is compared by, and the verdict."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from maze.api.record.calls import Call, file_digest
from maze.api.record.origins import consequence
from maze.api.replay.comparison import Difference, compare_files, compare_values
from maze.api.replay.recorded import Recorded
from maze.artifacts import RunFiles
from maze.errors import ArtifactError

__all__ = ["ReplayReport", "compare_part"]

_TRAINED = ("curve.csv", "metrics.json", "agent/statistics.npz", "agent/weights.safetensors", "agent/spaces.json")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReplayReport:
    """How a repetition came out.

    Attributes:
        source: what was repeated.
        directory: where the repetition is; taken away where it is identical and no place was given.
        differences: one for each file or result that differs, the earliest first; empty where there is none.
        environment: what differs between the place of the run and this one: name to the recorded and present value.
        compared: names of the files and results that were compared.
        reasons: what of the run could be repeated in part only.
    """

    source: str
    directory: Path
    differences: tuple[Difference, ...]
    environment: Mapping[str, tuple[Any, Any]]
    compared: tuple[str, ...]
    reasons: tuple[str, ...] = ()

    @property
    def identical(self) -> bool:
        """Whether everything is the same to the last bit."""
        return not self.differences

    @property
    def first(self) -> Difference | None:
        """The earliest difference, or None."""
        return self.differences[0] if self.differences else None

    def as_mapping(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {
            "identical": self.identical,
            "source": self.source,
            "directory": str(self.directory),
            "compared": list(self.compared),
            "first_difference": dataclasses.asdict(self.first) if self.first is not None else None,
            "differences": [dataclasses.asdict(difference) for difference in self.differences],
            "environment": {name: list(values) for name, values in self.environment.items()},
            "reasons": list(self.reasons),
        }

    def __str__(self) -> str:
        """Return the verdict in words, some lines."""
        lines = [f"bit-identical: {self.source} ({len(self.compared)} files and results compared)"]
        if self.differences:
            lines = [f"different: {self.source}", f"first difference: {self.differences[0]}"]
            lines += [f"also different: {difference}" for difference in self.differences[1:]]
            lines.append(f"the repetition is in {self.directory}")
        lines += self.reasons
        if self.environment:
            lines.append("the environment differs:")
            for name, (before, now) in self.environment.items():
                meaning = consequence(name, before, now)
                lines.append(f"  {name}: {before} -> {now}" + (f" ({meaning})" if meaning else ""))
        else:
            lines.append("the environment is the same: Python, machine, packages and code")
        return "\n".join(lines)


def compare_part(part: Recorded, repeated: RunFiles, calls: Sequence[Call]) -> tuple[list[Difference], list[str]]:
    """Compare what the calls of one record gave, then and now.

    Args:
        part: the record, and what the run left.
        repeated: what the repetition left.
        calls: the repeated calls.

    Returns:
        The differences, those of earlier calls first, and the names of what was compared.

    Raises:
        ArtifactError: nothing is left to compare with, or a file is damaged.
    """
    pairs = list(zip(part.content["calls"], calls, strict=True))
    found, compared = [], []
    trained = [number for number, (call, _) in enumerate(pairs) if call["method"] == "train"]
    if trained:
        for name, difference in _compare_training(part, repeated, trained[-1]):
            compared.append(f"{part.part}: {name}")
            if difference is not None:
                number = _call_of_epoch(pairs, difference.epoch, trained[-1])
                found.append(dataclasses.replace(difference, part=part.part, call=number, method="train"))
    for number, (before, now) in enumerate(pairs):
        for name, difference in _compare_call(part, number, before, now):
            compared.append(f"{part.part}, call {number} ({now.method}): {name}")
            if difference is not None:
                found.append(dataclasses.replace(difference, part=part.part, call=number, method=now.method))
    if not compared:
        raise ArtifactError(f"{part.files.root}: nothing is left with which a repetition could be compared.")
    return sorted(found, key=lambda difference: difference.call), compared


def _call_of_epoch(pairs: Sequence[tuple[Mapping[str, Any], Call]], epoch: int | None, last: int) -> int:
    """Return the number of the call of ``train`` in which an epoch of the curve was trained."""
    for number, (call, _) in enumerate(pairs):
        if epoch is not None and call["method"] == "train" and epoch <= call.get("last_epoch", 0):
            return number
    return last


def _compare_training(part: Recorded, repeated: RunFiles, last: int) -> Iterator[tuple[str, Difference | None]]:
    """Compare what training left: the files themselves, or the hashes in the record where a file is gone."""
    digests = part.content["calls"][last].get("files", {})
    for name in _TRAINED:
        original, again = part.files.root / name, repeated.root / name
        if original.is_file():
            difference = compare_files(name, original, again)
            if difference is not None and digests.get(name) not in (None, file_digest(original)):
                difference = dataclasses.replace(difference, note=_changed_since(difference.note))
            yield name, difference
        elif name in digests:
            yield name, _compare_digest(name, digests[name], again)


def _changed_since(note: str) -> str:
    return "; ".join(part for part in (note, "the run's file was changed after the run: its sha256 differs") if part)


def _compare_digest(name: str, recorded: str, again: Path) -> Difference | None:
    replayed = file_digest(again) if again.is_file() else "nothing"
    if recorded == replayed:
        return None
    note = "the run's file is gone, so that only its hash can be compared"
    return Difference(file=name, metric="sha256", recorded=recorded, replayed=replayed, note=note)


def _compare_call(
    part: Recorded, number: int, before: Mapping[str, Any], now: Call
) -> Iterator[tuple[str, Difference | None]]:
    if before.get("status") != "KILLED":
        yield "status", compare_values("status", _ending(before.get("status"), before.get("reason")), _ending_of(now))
    if before.get("result"):
        yield "result", compare_values("result", before["result"], dict(now.result))
    if before.get("digest"):
        yield "episodes", compare_values("episodes", {"sha256": before["digest"]}, {"sha256": now.digest})
    if before["method"] == "rollout":
        yield from _compare_rollout(part, number, before, now)


def _ending(status: Any, reason: Any) -> dict[str, Any]:
    return {"status": status, "reason": (reason or "") if status == "FAILED" else ""}


def _ending_of(call: Call) -> dict[str, Any]:
    return _ending(call.status, call.reason)


def _compare_rollout(
    part: Recorded, number: int, before: Mapping[str, Any], now: Call
) -> Iterator[tuple[str, Difference | None]]:
    """Compare the files of played episodes: with the files themselves, unless a later call has replaced them."""
    later = [call for call in part.content["calls"][number + 1 :] if call.get("directory") == before.get("directory")]
    place = _place(part, before)
    for name, digest in before.get("files", {}).items():
        original, again = place / name, Path(now.directory) / name
        if now.files.get(name) == digest:
            yield name, None
        elif original.is_file() and not later and file_digest(original) == digest:
            yield name, compare_files(name, original, again)
        else:
            yield name, _compare_digest(name, digest, again)


def _place(part: Recorded, call: Mapping[str, Any]) -> Path:
    if part.part == "rollout":
        return part.files.root
    return Path(call.get("directory", "")) if "output_dir" in call["arguments"] else part.files.root / "rollout"
