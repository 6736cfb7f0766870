"""Statistics of a loop of one's own, without a run around it."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from maze.env.log_stats import LogStatsWrapper
from maze.env.maze_env import MazeEnv
from maze.errors import InvalidSpecificationError
from maze.statistics import ConsoleWriter, JsonLinesWriter, LogStatsWriter, TensorboardWriter, WriterGroup

__all__ = ["SimpleStatsLoggingSetup"]


class SimpleStatsLoggingSetup:
    """Writes the statistics of all episodes that end in a ``with`` block when it is left; nothing about it is global.

    For example::

        env = LogStatsWrapper.wrap(GymMazeEnv("CartPole-v1"))
        with SimpleStatsLoggingSetup(env, "logs"):
            ...  # play

    Args:
        env: the environment, with a `LogStatsWrapper` around or inside.
        log_dir: gets ``statistics.jsonl``, and TensorBoard's files where it is installed; None prints a table alone.
        writers: further ones, which are closed with the others.

    Raises:
        InvalidSpecificationError: there is no `LogStatsWrapper`, or something else is among the writers.
    """

    def __init__(
        self, env: MazeEnv, log_dir: str | Path | None = None, *, writers: Sequence[LogStatsWriter] = ()
    ) -> None:
        if not isinstance(env, LogStatsWrapper):  # which sees through the wrappers around it
            raise InvalidSpecificationError(
                f"env: {env!r} keeps no statistics; accepted: an environment with LogStatsWrapper.wrap(env) around it."
            )
        self.env: LogStatsWrapper = env
        self._log_dir = None if log_dir is None else Path(log_dir)
        if not isinstance(writers, Sequence) or not all(isinstance(writer, LogStatsWriter) for writer in writers):
            raise InvalidSpecificationError(
                f"writers: {writers!r} is not accepted; accepted: a list of maze.LogStatsWriter objects, such as "
                "[TensorboardWriter(path)]. A table, and the files in log_dir, are written without them."
            )
        self._further = writers
        self._writer: LogStatsWriter = WriterGroup([])

    def __enter__(self) -> LogStatsWrapper:
        """Leave what was played before out, and return the environment."""
        writers: list[LogStatsWriter] = [ConsoleWriter()]
        if self._log_dir is not None:
            writers.append(JsonLinesWriter(self._log_dir / "statistics.jsonl", append=True))
            if importlib.util.find_spec("tensorboard") is not None:
                writers.append(TensorboardWriter(self._log_dir))
        self._writer = WriterGroup([*writers, *self._further])
        self.env.clear_epoch_stats()
        return self.env

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Write the statistics, also where the block broke off."""
        try:
            self.env.write_epoch_stats(self._writer, step=sum(self.env.episode_lengths))
        finally:
            self._writer.close()
