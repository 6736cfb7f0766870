"""Moving pictures of episodes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from maze.env.episode_files import EpisodeFiles
from maze.env.episode_writer import EpisodeWriter
from maze.env.maze_env import MazeEnv
from maze.errors import EnvError
from maze.types import Action, Observation

__all__ = ["ExportGifWrapper"]


class ExportGifWrapper(EpisodeWriter):
    """Writes every episode as ``episode-00001.gif``, ``episode-00002.gif``, ... with one picture for each step.

    An episode is written when it ends, or with what there is at the next `reset` or `close`; one in which nothing was
    done yet is not. Existing files are left alone: the numbers go on after them.

    Args:
        env: the environment inside, made with ``render_mode="rgb_array"``.
        output_dir: where the files go, made when the first one is written: in the directory of the run, with
            evaluations and rollouts in folders of their own, unless it is absolute; see `place_files`.
        export: false turns the wrapper off.
        duration: seconds that each picture is shown.

    Raises:
        InvalidSpecificationError: the duration is not positive.
    """

    def __init__(
        self,
        env: MazeEnv,
        output_dir: str | Path = "gifs",
        export: bool = True,
        duration: Annotated[float, Field(gt=0.0)] = 0.1,
    ) -> None:
        super().__init__(env, EpisodeFiles(output_dir, ".gif"))
        self.export, self.duration = export, duration
        self._frames: list[Any] = []  # each uint8 [H, W, 3]

    def reset(self) -> Observation:
        """Begin an episode; see `MazeEnv.reset`."""
        self._write()
        observation = super().reset()
        self._draw()
        return observation

    def step(self, action: Action) -> tuple[Observation, float, bool, dict[str, Any]]:
        """Act once; see `MazeEnv.step`."""
        result = super().step(action)
        if self._frames:  # empty once the episode has ended
            self._draw()
            if result[2]:
                self._write()
        return result

    def close(self) -> None:
        """Write what there is, and close the environment."""
        self._write()
        super().close()

    def _draw(self) -> None:
        if not self.export:
            return
        try:
            frame = np.asarray(self.env.render())
        except NotImplementedError:  # gymnasium's way to say that an environment cannot be drawn
            frame = np.zeros(())
        if frame.ndim != 3 or frame.shape[2] != 3:
            raise EnvError(
                f"{self.env!r} draws no pictures that could be exported (shape {frame.shape}); make it with "
                'render_mode="rgb_array".'
            )
        self._frames.append(frame.astype(np.uint8))

    def _write(self) -> None:
        if len(self._frames) < 2:  # the beginning alone
            self._frames.clear()
            return
        from PIL import Image  # noqa: PLC0415  (costs time, and most runs draw nothing)

        first, *others = (Image.fromarray(frame) for frame in self._frames)
        first.save(
            self._files.next(),
            save_all=True,
            append_images=others,
            duration=round(1000 * self.duration),
            loop=0,
        )
        self._frames.clear()
