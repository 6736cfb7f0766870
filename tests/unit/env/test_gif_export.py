"""Every episode becomes a file with a picture for its beginning and for each step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from maze.env import ExportGifWrapper, GymMazeEnv
from maze.errors import EnvError, InvalidSpecificationError
from tests.scripted import CountingEnv, counting


class Drawn(CountingEnv):
    """Draws a picture that is as bright as the step is late."""

    render_mode = "rgb_array"

    def render(self) -> Any:
        return np.full((4, 6, 3), 20 * self.count, np.uint8)


def brightness(path: Path) -> list[int]:
    with Image.open(path) as image:
        result = []
        for frame in range(image.n_frames):
            image.seek(frame)
            assert image.info["duration"] == 200
            assert image.size == (6, 4)
            result.append(int(np.asarray(image.convert("L"))[0, 0]))
        return result


def test_pictures_of_whole_and_broken_off_episodes(tmp_path: Path) -> None:
    arguments = {"output_dir": tmp_path / "gifs", "duration": 0.2}
    with ExportGifWrapper.wrap(GymMazeEnv(Drawn([3])), **arguments) as env:
        env.reset()
        for _ in range(5):  # two more than there are
            env.step({"action": 0})
        env.reset()
        env.step({"action": 0})
        env.reset()  # nothing was done: nothing is written
    names = [f"episode-0000{number}.gif" for number in (1, 2)]
    assert sorted(path.name for path in (tmp_path / "gifs").iterdir()) == names
    assert [brightness(tmp_path / "gifs" / name) for name in names] == [[0, 20, 40, 60], [0, 20]]
    with ExportGifWrapper.wrap(GymMazeEnv(Drawn([3])), **arguments) as env:
        env.reset()
        env.step({"action": 0})
    assert (tmp_path / "gifs" / "episode-00003.gif").exists()


def test_turned_off(tmp_path: Path) -> None:
    with ExportGifWrapper.wrap(counting([3]), output_dir=tmp_path / "gifs", export=False) as env:
        env.reset()
        assert env.step({"action": 0})[1] == 1.0
    assert not (tmp_path / "gifs").exists()


def test_wrong_use_is_explained(tmp_path: Path) -> None:
    with pytest.raises(InvalidSpecificationError, match=r"Wrapper\.duration: 0 is not accepted; accepted: number > 0"):
        ExportGifWrapper.wrap(counting([3]), duration=0)
    with pytest.raises(EnvError, match='render_mode="rgb_array"'):
        ExportGifWrapper.wrap(counting([3]), output_dir=tmp_path).reset()
