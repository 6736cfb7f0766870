"""A moving picture of one episode, for people who want to see what the numbers mean."""

from __future__ import annotations

import io
import logging
from collections.abc import Mapping
from typing import Any

import numpy as np

from maze.config import SeedingConfig
from maze.env import MazeEnv
from maze.env.vector import SyncVectorEnv, VectorStep
from maze.errors import MazeError
from maze.rollout import ActingPolicy, play_episodes
from maze.runner.environments import ComponentSections, EnvironmentMaker
from maze.seeding import numpy_generator
from maze.types import Array, Observation

__all__ = ["film_episode"]

_LOGGER = logging.getLogger(__name__)
_MOST_STEPS = 2000
_MOST_PICTURES = 200
_WIDTH = 320  # pixels
_SECONDS_PER_STEP = 0.04


def film_episode(
    policy: ActingPolicy,
    config: ComponentSections,
    objects: Mapping[str, Any],
    statistics: dict[str, Array] | None,
    *,
    seed: int,
    deterministic: bool,
) -> bytes:
    """Play one episode in an environment that draws itself, and return it as a GIF; b"" where it cannot be drawn.

    Long episodes are shown in at most 200 pictures, large ones smaller.

    Args:
        policy: chooses the actions.
        config: with the sections ``env`` and ``wrappers``.
        objects: live objects by the place in the configuration that they take.
        statistics: normalisation statistics, or None.
        seed: of the episode's reset.
        deterministic: take the most likely actions; then it is the very episode that was measured.
    """
    environments = EnvironmentMaker(_Drawn(config), objects, silent=True)
    if statistics is not None:
        environments.use_statistics(statistics)
    try:
        with environments.make_env() as env:
            camera = _Camera(env)
            play_episodes(
                policy,
                SyncVectorEnv([env]),
                [seed],
                numpy_generator(seed, "film"),
                deterministic=deterministic,
                max_episode_steps=_MOST_STEPS,
                observers=[camera],
            )
            return camera.as_gif()
    except (MazeError, NotImplementedError, ImportError, TypeError) as error:
        _LOGGER.warning("No video: the environment cannot be drawn (%s).", " ".join(str(error).split()))
        return b""


class _Drawn:
    """A configuration whose environment draws pictures."""

    def __init__(self, config: ComponentSections) -> None:
        self._config = config

    @property
    def seeding(self) -> SeedingConfig:
        """Seeds."""
        return self._config.seeding

    def section(self, name: str) -> Any:
        """Return one section in plain containers."""
        section = self._config.section(name)
        if name == "env" and isinstance(section, Mapping) and "_object_" not in section:
            return {**section, "render_mode": "rgb_array"}
        return section


class _Camera:
    """Takes a picture after every step; halves them whenever there are too many."""

    def __init__(self, env: MazeEnv) -> None:
        self._env = env
        self._pictures: list[Array] = []
        self._every = 1
        self._step = 0

    def __call__(
        self, episode: Array, observation: Observation, action: dict[str, Array], step: VectorStep, active: Array
    ) -> None:
        """Look at the environment, unless its next episode has begun already."""
        del episode, observation, action
        self._step += 1
        if not active[0] or step.terminated[0] or step.truncated[0] or self._step % self._every:
            return
        picture = np.asarray(self._env.render())
        if picture.ndim != 3 or picture.shape[2] != 3:
            raise NotImplementedError(f"its pictures have the shape {picture.shape}")
        self._pictures.append(picture.astype(np.uint8))
        if len(self._pictures) > _MOST_PICTURES:
            self._pictures = self._pictures[1::2]
            self._every *= 2

    def as_gif(self) -> bytes:
        """Return the pictures as bytes of a GIF; b"" where there are none."""
        from PIL import Image  # noqa: PLC0415  (costs time, and most runs draw nothing)

        if not self._pictures:
            return b""
        images = [Image.fromarray(picture) for picture in self._pictures]
        scale = min(1.0, _WIDTH / images[0].width)
        size = (max(1, round(images[0].width * scale)), max(1, round(images[0].height * scale)))
        first, *others = (image.resize(size).quantize(64) for image in images)
        stream = io.BytesIO()
        milliseconds = round(1000 * _SECONDS_PER_STEP * self._every)
        first.save(stream, format="GIF", save_all=True, append_images=others, duration=milliseconds, loop=0)
        return stream.getvalue()
