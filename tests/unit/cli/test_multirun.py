"""``maze-run --multirun``: Hydra's words for several values, and the jobs that they mean."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from maze import InvalidSpecificationError, RunConfig, RunContext
from maze.cli import main
from maze.cli.overrides import context_arguments

Capture = pytest.CaptureFixture[str]
ROOT = Path(__file__).parents[3]
HIDDEN = "model.policy.networks.0.hidden_units"


def _values(word: str) -> Any:
    (value,) = context_arguments([word], multirun=True)["overrides"].values()
    return value


@pytest.mark.parametrize(
    ("word", "values"),
    [
        ("tags.x=1,2.5,a,null,true", [1, 2.5, "a", None, True]),
        ("tags.x=choice(1e-3,1e-4)", [0.001, 0.0001]),
        ("tags.x='a,b',c", ["a,b", "c"]),
        ("tags.x=range(1,4)", [1, 2, 3]),
        ("tags.x=range(0,1,0.25)", [0.0, 0.25, 0.5, 0.75]),
        ("tags.x=range(3,0,-1)", [3, 2, 1]),
        ("tags.x=sort(3,1,2)", [1, 2, 3]),
        ("tags.x=sort(a,b,reverse=true)", ["b", "a"]),
        ("tags.x=tag(t,choice(1,2))", [1, 2]),
        ("tags.x=int(1.5,2.5)", [1, 2]),
        ("tags.x=[1,2],[3]", [[1, 2], [3]]),
        ("tags.x={a:1},{a:2}", [{"a": 1}, {"a": 2}]),
        ("tags.x=[1,2]", [[1, 2]]),
        ("tags.x='1,2'", "1,2"),
        ("tags.x=1", 1),
    ],
)
def test_words_span_axes_in_hydras_grammar(word: str, values: Any) -> None:
    assert _values(word) == values


def test_groups_and_the_seed_span_axes() -> None:
    words = ["algorithm=a2c,ppo", "critic=template_state,null", "wrappers=glob(*obs,exclude=no*)", "seed=0,1"]
    assert context_arguments(words, multirun=True) == {
        "algorithm": ["a2c", "ppo"],
        "critic": ["template_state", "null"],
        "wrappers": ["pixel_obs", "vector_obs"],
        "seed": [0, 1],
        "overrides": {},
    }


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("algorithm.lr=interval(0,1)", r"interval\(\) is for a search.*range\(start,stop,step\)"),
        ("algorithm.lr=shuffle(1,2)", r"shuffle\(\) .* another order"),
        ("algorithm.lr=shuffle(range(1,3))", r"shuffle\(\) .* another order"),
        ("algorithm.lr=glob(*)", r"'algorithm.lr' is none; write the values"),
        ("algorithm=glob(z*)", r"matches no option; algorithm has .*a2c"),
        ("algorithm.lr=range(2,1)", "spans no values"),
        ("algorithm.lr=range(0,1,0)", "too many values"),
        ("algorithm.lr=range(0,1e9)", "too many values"),
        ("algorithm.lr=choice(", "is not understood"),
    ],
)
def test_words_without_a_list_of_values_are_refused(word: str, message: str) -> None:
    with pytest.raises(InvalidSpecificationError, match=message) as caught:
        context_arguments([word], multirun=True)
    assert repr(word) in str(caught.value)


def test_without_multirun_the_remedy_is_said(tmp_path: Path, capsys: Capture) -> None:
    assert main(["algorithm=a2c,ppo", "--run-dir", str(tmp_path / "run")]) == 2
    assert "several jobs" in (err := capsys.readouterr().err)
    assert "add --multirun" in err


SWEEPS: dict[str, tuple[list[str], dict[str, Any]]] = {
    "page": (
        ["algorithm.lr=choice(1e-3,1e-4)", "env.name=CartPole-v0,CartPole-v1", "algorithm=a2c,ppo", "seed=range(0,2)"],
        {
            "overrides": {"algorithm.lr": [1e-3, 1e-4], "env.name": ["CartPole-v0", "CartPole-v1"]},
            "algorithm": ["a2c", "ppo"],
            "seed": [0, 1],
        },
    ),
    "lists": (
        [f"{HIDDEN}=[64,64],[256]", "model.critic.networks.0.hidden_units=[8,4]", "configuration=test"],
        {
            "overrides": {HIDDEN: [[64, 64], [256]], "model.critic.networks.0.hidden_units": [[8, 4]]},
            "configuration": "test",
            "seed": 5,
        },
    ),
    "groups": (
        ["+experiment=cartpole", "wrappers=glob(*_obs)", "critic=template_state,flatten_concat", "++tags.new=a,b"],
        {
            "experiment": "cartpole",
            "wrappers": ["pixel_obs", "vector_obs"],
            "critic": ["template_state", "flatten_concat"],
            "overrides": {"++tags.new": ["a", "b"]},
            "seed": 5,
        },
    ),
}


@pytest.mark.parametrize("case", SWEEPS)
def test_words_and_python_mean_the_same_jobs(case: str, capsys: Capture) -> None:
    words, arguments = SWEEPS[case]
    seed = [] if any(word.startswith("seed=") for word in words) else ["--seed", "5"]
    assert main([*words, *seed, "--multirun", "--cfg"]) == 0
    written = [RunConfig.from_mapping(part) for part in yaml.safe_load_all(capsys.readouterr().out)]
    made: Any = RunContext(**arguments, multirun=True).config
    assert [config.digest() for config in written] == [config.digest() for config in made]
    assert [config.to_yaml() for config in written] == [config.to_yaml() for config in made]
    assert len({config.to_yaml() for config in made}) == len(made) > 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["algorithm=a2c,pop"], "job 1 (algorithm=pop): "),
        (["algorithm.lr=0.1,-1"], "job 1 (algorithm.lr=-1): algorithm.lr: -1"),
        (["launcher=serial,joblib"], "launcher: ['serial', 'joblib'] would differ"),
        (["launcher=slurm"], "later release"),
        (["seed=0,1", "--seed", "3"], "give one of the two"),
        (["seed=a,b"], "seed: 'a'"),
    ],
)
def test_wrong_jobs_are_one_line_and_status_2(words: list[str], message: str, tmp_path: Path, capsys: Capture) -> None:
    assert main([*words, "--multirun", "--run-dir", str(tmp_path / "run")]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("maze-run: error: ")
    assert message in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


TINY = ["configuration=test", "algorithm=a2c", "algorithm.n_epochs=1", "tracking.mode=off"]


def test_jobs_are_trained_and_shown(tmp_path: Path, capfd: Capture) -> None:
    words = [*TINY, "++env.max_episode_steps=9,-5", "launcher=joblib", "launcher.n_jobs=2", "--seed", "1", "-m"]
    status = main([*words, "--run-dir", str(tmp_path / "sweep")])
    assert status == 1  # gymnasium refuses such a limit, when it makes the environment
    out, err = capfd.readouterr()
    table = out.split("run directories are in:")[0]
    for word in ("finished", "failed", "env.max_episode_steps", "0-max_episode_steps-9 "):
        assert word in table
    assert f"run directories are in: {tmp_path / 'sweep'}" in out
    assert "Traceback (most recent call last)" in err
    assert "job 2/2" in err
    assert (tmp_path / "sweep" / "0-max_episode_steps-9" / "agent").is_dir()


def test_silent_jobs_print_nothing_and_have_the_weights_of_a_single_run(tmp_path: Path) -> None:
    words = [*TINY, "algorithm.lr=0.1,0.2", "launcher=serial", "--seed", "1", "--silent", "--multirun"]
    script = "import sys; from maze.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", script, *words, "--run-dir", str(tmp_path / "sweep")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=300, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    for index, rate in enumerate((0.1, 0.2)):
        single = tmp_path / str(rate)
        assert main([*TINY, f"algorithm.lr={rate}", "--seed", "1", "--silent", "--run-dir", str(single)]) == 0
        for name in ("agent/weights.safetensors", "agent/config.yaml", "curve.csv", "metrics.json"):
            assert (single / name).read_bytes() == (tmp_path / "sweep" / f"{index}-lr-{rate}" / name).read_bytes()
