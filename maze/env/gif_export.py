"""Moving pictures of episodes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from maze.env.maze_env import MazeEnv
from maze.env.wrappers import Wrapper
from maze.errors import EnvError, InvalidSpecificationError
from maze.types import Action, Observation

__all__ = ["ExportGifWrapper"]


class ExportGifWrapper(Wrapper):
    """Writes every episode as ``episode-00001.gif``, ``episode-00002.gif``, ... with one picture for each step.

    An episode is written when it ends, or with what there is at the next `reset` or `close`. Existing files are left
    alone: the numbers go on after them.

    Args:
        env: the environment inside, made with ``render_mode="rgb_array"``.
        output_dir: where the files go; made when the first one is written.
        export: false turns the wrapper off.
        duration: seconds that each picture is shown.

    Raises:
        InvalidSpecificationError: the duration is not positive.
    """

    def __init__(
        self, env: MazeEnv, output_dir: str | Path = "gifs", export: bool = True, duration: float = 0.1
    ) -> None:
        super().__init__(env)
        if not duration > 0:
            raise InvalidSpecificationError(f"duration is {duration!r} seconds; it must be more than 0.")
        self.output_dir = Path(output_dir)
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
        if not self._frames:
            return
        from PIL import Image  # noqa: PLC0415  (costs time, and most runs draw nothing)

        self.output_dir.mkdir(parents=True, exist_ok=True)
        numbers = [int(path.stem.rpartition("-")[2]) for path in self.output_dir.glob("episode-*.gif")]
        first, *others = (Image.fromarray(frame) for frame in self._frames)
        first.save(
            self.output_dir / f"episode-{max(numbers, default=0) + 1:05d}.gif",
            save_all=True,
            append_images=others,
            duration=round(1000 * self.duration),
            loop=0,
        )
        self._frames.clear()
