"""Every preset composes, a short training runs, and the same seed gives the same weights."""

from pathlib import Path

import pytest

from maze import RunContext

CONF = Path(__file__).resolve().parents[1] / "conf"
PRESETS = sorted(path.stem for path in (CONF / "experiment").glob("*.yaml"))
UNTRACKED = {"tracking.mode": "off"}


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_composes(preset):
    assert RunContext(experiment=preset, config_dir=CONF).config


@pytest.mark.parametrize("algorithm", ["a2c", "ppo"])
def test_a_short_training_can_be_repeated(algorithm, tmp_path):
    weights = []
    for name in ("one", "two"):
        rc = RunContext(
            experiment="thermostat",
            algorithm=algorithm,
            configuration="test",
            config_dir=CONF,
            overrides=UNTRACKED,
            seed=1,
            run_dir=tmp_path / name,
            silent=True,
        )
        rc.train()
        weights.append((tmp_path / name / "agent" / "weights.safetensors").read_bytes())
    assert weights[0] == weights[1]
