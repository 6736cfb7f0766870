"""What policies and critics share: networks by step key, and running a network on arrays as fast as possible."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from maze.agents.dense_plan import NumpyForward, compile_numpy
from maze.errors import MazeError, suggest
from maze.types import Array, StepKey

__all__ = ["ArrayForward", "StepNetworks", "device_of", "draws_globally"]


_NO_PARAMETER = torch.zeros(0)
"""Stands for the first parameter of a network that has none."""


class StepNetworks(nn.ModuleDict):
    """Networks by step key; integer keys work as they are written: ``policy.networks[0]``.

    The networks' weights appear in state dictionaries below the key's text, for example ``networks.0.trunk.0.weight``.

    Args:
        networks: network by step key.
    """

    def __init__(self, networks: Mapping[StepKey, nn.Module]) -> None:
        super().__init__({str(key): network for key, network in networks.items()})

    def __getitem__(self, key: StepKey) -> nn.Module:
        """Return the network of a step key; a MazeError names the keys that exist."""
        if str(key) not in self._modules:
            raise MazeError(f"There is no network for the step key {key!r}; {suggest(key, self._modules)}")
        return super().__getitem__(str(key))

    def __contains__(self, key: object) -> bool:
        return str(key) in self._modules


class ArrayForward:
    """Calls a network with arrays: in NumPy where its ``dense_plan()`` allows, with torch without gradients otherwise.

    Args:
        network: maps a dictionary of tensors [B, ...] to a dictionary of tensors [B, ...].
    """

    def __init__(self, network: nn.Module) -> None:
        self.network = network
        self._compiled: NumpyForward | None = None
        self._compilable = True
        self._parts: list[nn.Module] | None = None
        self._first = _NO_PARAMETER  # tells where the network is

    def __call__(self, observation: Mapping[str, Array]) -> dict[str, Array]:
        """Return the network's output [B, ...] by key; the observation [B, ...] is not written to."""
        compiled = self.compiled()
        return compiled(observation) if compiled is not None else self._run_torch(observation)

    def compiled(self) -> NumpyForward | None:
        """Return the network in NumPy, on its parameters as they lie now; None where torch has to run it."""
        compiled = self._compiled
        return self._compile() if compiled is None or compiled.stale() else compiled

    def reset(self) -> None:
        """Compile again at the next call; needed where modules were replaced, not where weights were."""
        self._compiled = None
        self._compilable = True
        self._parts = None

    def __getstate__(self) -> dict[str, Any]:
        """Copies and pickles compile anew, since compiled code looks at the original's memory."""
        return {
            "network": self.network,
            "_compiled": None,
            "_compilable": True,
            "_parts": None,
            "_first": _NO_PARAMETER,
        }

    def _compile(self) -> NumpyForward | None:
        if self._compilable:
            dense_plan = getattr(self.network, "dense_plan", None)
            plan = dense_plan() if callable(dense_plan) else None
            self._compiled = compile_numpy(plan) if plan is not None else None
            self._compilable = self._compiled is not None
        return self._compiled

    def _run_torch(self, observation: Mapping[str, Array]) -> dict[str, Array]:
        if self._parts is None:
            self._parts = list(self.network.modules())
            self._first = next(self.network.parameters(), _NO_PARAMETER)
        device = self._first.device
        tensors = {key: torch.from_numpy(np.array(value)).to(device) for key, value in observation.items()}
        learning = [part for part in self._parts if part.training]
        _set_training(learning, False)
        try:
            with torch.no_grad():
                return {key: value.cpu().numpy() for key, value in self.network(tensors).items()}
        finally:
            _set_training(learning, True)


def _set_training(modules: list[nn.Module], training: bool) -> None:
    """Do what ``module.train`` does, for each module by itself and without its cost, which is that of a small layer."""
    for module in modules:
        module.__dict__["training"] = training


def device_of(module: nn.Module) -> torch.device:
    """Return the device of the first parameter, the CPU for a module without parameters."""
    parameter = next(module.parameters(), None)
    return torch.device("cpu") if parameter is None else parameter.device


def draws_globally(module: nn.Module) -> bool:
    """Say whether a network may draw from torch's global generator while it runs, as dropout does.

    Modules of torch say so by their kind; of anybody else's nothing is known, so that they may.
    """
    return any(
        isinstance(part, (nn.modules.dropout._DropoutNd, nn.RReLU))
        or getattr(part, "dropout", 0.0) not in (0, 0.0, None)  # recurrent and attention modules
        or type(part).__module__.partition(".")[0] not in ("maze", "torch")
        for part in module.modules()
    )
