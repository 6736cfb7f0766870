"""What of a result is neither in git nor in DVC's cache here: file by file, and by run in words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from maze.api.restored_stages import STAGES, Part
from maze.artifacts import AgentFiles

__all__ = ["Gaps", "is_below", "is_shown"]

_REPORT = {
    "out/report/plots": "figures and tables over all seeds",
    "out/report/metrics.json": "numbers over all seeds",
}
"""What the report leaves for its run, in words."""

_PLACES = (
    (r"out/(?P<stage>train)/(?P<seed>\d+)/agent(?:/.*)?", Part.POLICY),
    (r"out/(?P<stage>train)/(?P<seed>\d+)/curve\.csv", Part.CURVE),
    (r"out/(?P<stage>train|rollout|evaluate)/(?P<seed>\d+)/metrics\.json", Part.NUMBERS),
    (r"out/(?P<stage>rollout|evaluate)/(?P<seed>\d+)/episodes\.parquet", Part.EPISODES),
    (r"out/record/(?P<stage>train|rollout|evaluate)/(?P<seed>\d+)\.json", Part.RECORD),
    # the other copies are of what git holds
    (r"out/copies/(?P<stage>train|rollout|evaluate)/(?P<seed>\d+)(?:/shown(?:/.*)?)?", Part.SHOWN),
)
"""Where the parts are that a stage leaves for the run of its agent."""


@dataclass(frozen=True, slots=True)
class Gaps:
    """What is missing of a result.

    Attributes:
        files: in the project; a directory where not even the names of its files are known.
    """

    files: tuple[str, ...] = ()

    @classmethod
    def of(cls, root: Path, seeds: Sequence[int], named: Mapping[str, bool]) -> Gaps:
        """Return what is missing of a result: what DVC knows of, and what is needed although DVC does not name it.

        Args:
            root: where the result stands as in the project, as far as it is there.
            seeds: of the result.
            named: what ``dvc.lock`` names, and whether that is at hand.
        """
        lost = {name for name, is_there in named.items() if not is_there}
        unnamed = {
            name
            for name in _needed(seeds)
            if name not in named and not (root / name).exists() and not any(is_below(name, one) for one in lost)
        }
        return cls(tuple(sorted(lost | unnamed)))

    def of_agent(self, seed: int) -> dict[str, dict[Part, list[str]]]:
        """Return the files that are missing of an agent, by the stage that had left them and what they are."""
        found: dict[str, dict[Part, list[str]]] = {stage: {part: [] for part in Part} for stage in STAGES}
        for file in self.files:
            place = _place(file)
            if place is not None and place[1] == seed:
                found[place[0]][place[2]].append(file)
        known = {stage: {part: files for part, files in parts.items() if files} for stage, parts in found.items()}
        return {stage: parts for stage, parts in known.items() if parts}

    def of_report(self) -> dict[str, list[str]]:
        """Return the files that are missing of the report over all seeds, by what they are in words."""
        found = {words: [file for file in self.files if is_below(file, place)] for place, words in _REPORT.items()}
        return {words: files for words, files in found.items() if files}


def is_shown(path: str, seeds: Sequence[int]) -> bool:
    """Return whether a run in the store shows something of a file, or directory, of a result with these seeds."""
    place = _place(path)
    return place[1] in seeds if place is not None else any(is_below(path, shown) for shown in _REPORT)


def is_below(path: str, place: str) -> bool:
    """Return whether a path is a certain file or directory, or lies in that directory."""
    return path == place or path.startswith(f"{place}/")


def _place(path: str) -> tuple[str, int, Part] | None:
    """Return the stage, the seed and the part of an agent to which a file belongs; None where it is another's."""
    for pattern, part in _PLACES:
        found = re.fullmatch(pattern, path)
        if found is not None:
            return found["stage"], int(found["seed"]), part
    return None


def _needed(seeds: Sequence[int]) -> Iterator[str]:
    """Yield what every result has; files that only some have are known to DVC alone."""
    yield "out/report/metrics.json"
    for seed in seeds:
        agent = AgentFiles(Path("out", "train", str(seed), "agent"))
        yield from (path.as_posix() for path in (agent.config, agent.weights, agent.spaces, agent.statistics))
        yield f"out/train/{seed}/curve.csv"
        for stage in STAGES:
            yield f"out/{stage}/{seed}/metrics.json"
            yield f"out/record/{stage}/{seed}.json"
        for stage in STAGES[1:]:
            yield f"out/{stage}/{seed}/episodes.parquet"
