"""The agent as a model: it loads without pickle, checks what it is given, and acts."""

from __future__ import annotations

import logging
import sys
import types
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

from maze.tracking.description import AgentModel
from maze.tracking.mlflow_agent import installed, log_agent, model_signature, prepare
from maze.tracking.mlflow_database import experiment_id, open_client
from maze.tracking.store import StoreLocation
from tests.scripted import tiny_context

FLAT = AgentModel.from_spaces(
    spaces.Dict({"observation": spaces.Box(-1, 1, (4,))}),
    spaces.Dict({"action": spaces.Discrete(2)}),
    registered_name="cartpole",
    alias="champion",
)


class FakeRunContext:
    """Acts by the sign of the first entry; when not deterministic, the other way round."""

    loaded: Path
    n_begun: int = 0

    def begin_episode(self) -> None:
        FakeRunContext.n_begun += 1

    @classmethod
    def load(cls, path: Any) -> FakeRunContext:
        instance = cls()
        instance.loaded = Path(path)
        return instance

    def transform_observation(self, observation: dict[str, Any]) -> dict[str, Any]:
        return observation

    def compute_action(self, observation: dict[str, Any], *, deterministic: bool) -> dict[str, Any]:
        assert (self.loaded / "config.yaml").read_text() == "a: 1\n"
        positive = observation["observation"][:, 0] > 0
        return {"action": np.where(positive == deterministic, 1, 0)}


@pytest.fixture
def model_uri(store: StoreLocation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    import mlflow

    module = types.ModuleType("maze.api.run_context")
    module.RunContext = FakeRunContext
    monkeypatch.setitem(sys.modules, "maze.api.run_context", module)
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    agent = tmp_path / "agent"
    agent.mkdir()
    (agent / "config.yaml").write_text("a: 1\n")
    client = open_client(store)
    run = client.create_run(experiment_id(client, store, "e"), run_name="a run")
    model_id = log_agent(client, run.info.run_id, agent, FLAT)
    assert client.get_logged_model(model_id).source_run_id == run.info.run_id
    outputs = client.get_run(run.info.run_id).outputs.model_outputs
    assert [output.model_id for output in outputs] == [model_id]
    version = client.get_model_version_by_alias("cartpole", "champion")
    assert version.run_id == run.info.run_id
    assert mlflow.active_run() is None
    return str(Path(client.get_logged_model(model_id).artifact_location.removeprefix("file://")))


def test_the_model_loads_without_pickle_and_acts(model_uri: str) -> None:
    import mlflow.pyfunc
    from mlflow.exceptions import MlflowException

    assert not list(Path(model_uri).rglob("*.pkl"))
    assert not list(Path(model_uri).rglob("__pycache__"))  # whoever loads it may leave some there
    model = mlflow.pyfunc.load_model(model_uri)
    observation = np.array([[1, 0, 0, 0], [-1, 0, 0, 0]], np.float32)
    begun = FakeRunContext.n_begun
    assert model.predict(observation).tolist() == [1, 0]
    assert FakeRunContext.n_begun == begun + 1  # a call is the first step of an episode
    assert model.predict(observation, params={"new_episode": False}).tolist() == [1, 0]
    assert FakeRunContext.n_begun == begun + 1  # unless it says otherwise
    assert model.predict(observation, params={"deterministic": False}).tolist() == [0, 1]
    with pytest.raises(MlflowException, match="shape"):
        model.predict(observation[:, :3])


def test_mlflow_takes_misspelt_parameters_away_and_logs_them(
    model_uri: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The guide says so; were it otherwise, the policy could refuse them."""
    import mlflow.pyfunc

    monkeypatch.setattr(logging.getLogger("mlflow"), "propagate", True)
    model = mlflow.pyfunc.load_model(model_uri)
    observation = np.array([[1, 0, 0, 0]], np.float32)
    with caplog.at_level(logging.WARNING, logger="mlflow"):
        assert model.predict(observation, params={"determinstic": False}).tolist() == [1]
    assert "Unrecognized params ['determinstic'] are ignored" in caplog.text


def test_signature_names_what_has_several_tensors() -> None:
    flat = model_signature(FLAT)
    assert [tensor.name for tensor in flat.inputs.inputs] == [None]
    assert flat.inputs.inputs[0].shape == (-1, 4)
    named = AgentModel(inputs=(("a", "float32", (2,)), ("b", "uint8", (3, 3))), outputs=(("action", "int64", ()),))
    signature = model_signature(named)
    assert signature.inputs.input_names() == ["a", "b"]
    assert signature.inputs.inputs[1].shape == (-1, 3, 3)
    assert [param.name for param in signature.params.params] == ["deterministic", "new_episode"]


def test_requirements_are_exact_and_without_local_labels() -> None:
    lines = installed(("numpy", "torch", "no-such-package"))
    assert [line.split("==")[0] for line in lines] == ["numpy", "torch"]
    assert "+" not in "".join(lines)


def test_a_served_agent_with_state_starts_each_call_from_zero_unless_told(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow says that it cannot check what may be anything
        from maze.api.served_policy import ServedPolicy

    tiny_context(tmp_path / "run", model="vector_obs_recurrent", critic="template_state").train()
    served = ServedPolicy()
    served.load_context(types.SimpleNamespace(artifacts={"agent": str(tmp_path / "run" / "agent")}))
    raw = np.random.default_rng(0).standard_normal((3, 4)).astype(np.float32)

    def state() -> Any:
        return served._run_context.policy._remembered._players["0", 0, (3,)].state["recurrence:hidden"].copy()

    served.predict(None, raw)
    first = state()
    served.predict(None, raw, {"new_episode": False})
    second = state()
    served.predict(None, raw)
    np.testing.assert_array_equal(state(), first)
    assert not np.array_equal(second, first)


def test_preparing_leaves_nothing_behind_and_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    prepare()
    assert list(tmp_path.iterdir()) == []
    assert not list(recwarn)
