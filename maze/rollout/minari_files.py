"""Recorded steps in the format of Minari, the common one for offline learning: written to the bit, read from anybody.

Minari is an extra: ``pip install 'maze[data]'``. Its own recorder needs JAX and steps an environment; here, episodes
that were played already go through its storage, which writes the same files.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces

from maze.artifacts import read_arrays, write_arrays
from maze.env.spaces import leaves_of
from maze.errors import ArtifactError, InvalidSpecificationError
from maze.types import Array

__all__ = ["METADATA_FILE", "check_dataset_id", "import_minari", "read_minari_steps", "write_minari_episodes"]

METADATA_FILE = "metadata.json"
"""What a directory of Minari's data holds, whatever the format of the steps."""

_STATISTICS_FILE = "normalization.npz"
_ID = re.compile(r"(?:[-\w]+/)*[-\w]*\w-v\d+")


def import_minari(module: str = "minari") -> Any:
    """Return a module of Minari.

    Raises:
        InvalidSpecificationError: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise InvalidSpecificationError(
            f"minari: is not installed ({error}); accepted after pip install 'maze[data]'."
        ) from error


def check_dataset_id(dataset_id: str) -> str:
    """Return an id as Minari understands it, with a version.

    Raises:
        InvalidSpecificationError: it is none.
    """
    if isinstance(dataset_id, str) and _ID.fullmatch(dataset_id):
        return dataset_id
    name = re.sub(r"[^-\w/]+", "-", str(dataset_id)).strip("/-") or "cartpole/expert"
    raise InvalidSpecificationError(
        f"dataset_id: {dataset_id!r} is no id of a dataset; accepted are names of letters, digits, - and _, separated "
        f"by slashes, with a version at the end, for example {name}-v0."
    )


def write_minari_episodes(
    directory: Path,
    episodes: list[dict[str, Any]],
    observation_space: spaces.Dict,
    action_space: spaces.Dict,
    *,
    metadata: Mapping[str, Any],
    env_spec: Any = None,
    statistics: Mapping[str, Array] | None = None,
) -> None:
    """Write episodes as the data of a Minari dataset; the same episodes give the same bytes.

    The only observation ``observation`` and the only action ``action`` are written without dictionaries, as other
    libraries expect them. Images are kept as they are, not as JPEG.

    Args:
        directory: must not exist; its name must be ``data`` for Minari to find it.
        episodes: each with ``seed`` (None where it is not known), ``observations`` by key, each ``[T + 1, ...]``,
            ``actions`` by head, each ``[T, ...]``, ``rewards``, ``terminations`` and ``truncations``, each ``[T]``.
        observation_space: of the observations.
        action_space: of the actions.
        metadata: what else the dataset says about itself; ``dataset_id`` among it.
        env_spec: of the gymnasium environment that was played in, if its spaces are these.
        statistics: normalisation statistics that the observations were made with.

    Raises:
        InvalidSpecificationError: Minari is not installed, or a key cannot be part of its files.
    """
    minari = import_minari()
    storage_class = import_minari("minari.dataset.minari_storage").MinariStorage
    buffer_class = import_minari("minari.data_collector").EpisodeBuffer
    for key in (*observation_space.spaces, *action_space.spaces):
        if "/" in key:
            raise InvalidSpecificationError(f"{key!r}: HDF5 takes the slash for a folder; accepted are other names.")
    directory.mkdir(parents=True)
    storage = storage_class.new(
        directory,
        observation_space=_outside(observation_space, "observation"),
        action_space=_outside(action_space, "action"),
        env_spec=env_spec,
        data_format="hdf5",
        jpeg_encoding=False,
    )
    storage.update_metadata({**metadata, "minari_version": minari.__version__})
    storage.update_episodes(
        buffer_class(
            id=number,
            **{
                **episode,
                "observations": _outside(episode["observations"], "observation"),
                "actions": _outside(episode["actions"], "action"),
            },
        )
        for number, episode in enumerate(episodes)
    )
    if statistics:
        write_arrays(directory / _STATISTICS_FILE, statistics)


def _outside(by_key: Any, name: str) -> Any:
    """Return the only element of a dictionary, or of a Dict space, where its key says nothing; else all of it."""
    keys = list(by_key.spaces if isinstance(by_key, spaces.Dict) else by_key)
    return by_key[name] if keys == [name] else by_key


def read_minari_steps(directory: Path) -> tuple[dict[str, Array], dict[str, Array]]:
    """Return the steps of a Minari dataset, whoever wrote it, and its normalisation statistics.

    Nested observations become one array for each leaf, with the keys that an environment of maze gives them.

    Args:
        directory: holds ``metadata.json``.

    Returns:
        Arrays ``[S, ...]`` by the names of a recorded rollout (``episode``, ``observation/<key>``, ...), and the
        statistics by name; none where maze did not write the dataset.

    Raises:
        ArtifactError: the files are damaged or hold no episodes.
        InvalidSpecificationError: Minari is not installed.
        EnvError: the dataset has observations or actions of a kind that maze does not know.
    """
    minari = import_minari()
    try:
        dataset = minari.MinariDataset(directory)
        episodes = list(dataset.iterate_episodes())
    except (OSError, ValueError, KeyError, TypeError, AssertionError, AttributeError) as error:
        raise ArtifactError(f"{directory}: cannot be read as a Minari dataset ({error}); restore it.") from error
    if not episodes:
        raise ArtifactError(f"{directory}: the Minari dataset holds no episodes; give one that does.")
    statistics = directory / _STATISTICS_FILE
    steps: dict[str, Array] = {
        "episode": np.concatenate([np.full(len(item.rewards), number) for number, item in enumerate(episodes)]),
        "reward": np.concatenate([item.rewards for item in episodes]),
        "terminated": np.concatenate([item.terminations for item in episodes]),
        "truncated": np.concatenate([item.truncations for item in episodes]),
    }
    for path, key, _ in leaves_of(dataset.observation_space, "observation"):
        parts = [np.asarray(_at(item.observations, path)) for item in episodes]
        steps[f"observation/{key}"] = np.concatenate([part[:-1] for part in parts])
        steps[f"next_observation/{key}"] = np.concatenate([part[1:] for part in parts])
    for path, head, _ in leaves_of(dataset.action_space, "action"):
        steps[f"action/{head}"] = np.concatenate([np.asarray(_at(item.actions, path)) for item in episodes])
    return steps, read_arrays(statistics) if statistics.is_file() else {}


def _at(value: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        value = value[step]
    return value
