"""The code inside a logged agent: MLflow copies this file into the model, loads it and asks it for actions.

The agent itself lies beside it as configuration, safetensors and JSON; loading it needs no pickle. The process that
loads the model needs this package installed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from mlflow.exceptions import MlflowException
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel

from maze.errors import MazeError

__all__ = ["ServedPolicy"]


class ServedPolicy(PythonModel):
    """Predicts actions of a saved agent for a batch of observations."""

    def __init__(self) -> None:
        self._run_context: Any = None

    def load_context(self, context: Any) -> None:
        """Load the agent from the model's artifacts."""
        from maze.api.run_context import RunContext  # noqa: PLC0415 - loading this file must not load torch

        self._run_context = RunContext.load(context.artifacts["agent"])

    # MLflow takes other annotations of model_input for the signature, which comes from the agent's spaces.
    def predict(
        self,
        context: Any,
        model_input: np.ndarray,
        params: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the actions for a batch of observations as the environment gives them, without its wrappers.

        Args:
            context: given by MLflow, unused.
            model_input: an array ``[N, *shape]`` of a flat environment, or observation key to such arrays.
            params: ``deterministic`` (True when left out), and ``new_episode``, for agents that carry a state from step
                to step: True, when left out, starts from the first step of an episode; False goes on from the last call
                with as many observations, which is right for one client with one batch of episodes.

        Returns:
            An array ``[N, ...]`` for flat environments, otherwise action head to array.

        Raises:
            MlflowException: the observations are none of the environment's; a server answers with status 400.
        """
        del context
        given = params or {}
        if given.get("new_episode", True):
            self._run_context.begin_episode()
        deterministic = bool(given.get("deterministic", True))
        try:
            observation = self._run_context.transform_observation(_as_observation(model_input))
            action = self._run_context.compute_action(observation, deterministic=deterministic)
        except MazeError as error:
            raise MlflowException.invalid_parameter_value(str(error)) from error
        return action["action"] if set(action) == {"action"} else action


def _as_observation(given: Any) -> dict[str, Any]:
    """Return the observation by key.

    Raises:
        MlflowException: a number is not finite, for which no policy has an action; a server answers with status 400.
    """
    parts = given if isinstance(given, Mapping) else {"observation": given}
    observation = {str(name): np.asarray(value) for name, value in parts.items()}
    for name, values in observation.items():
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise MlflowException.invalid_parameter_value(
                f"{name}: {values.tolist()!r} is not accepted; accepted: finite numbers, no null, NaN or infinity."
            )
    return observation


set_model(ServedPolicy())
