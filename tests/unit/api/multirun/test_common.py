"""The configuration of all jobs: what they share stands there as it is, what varies is shown as such."""

from __future__ import annotations

import yaml

from maze.api.multirun.common import common_parameters, common_yaml
from maze.api.multirun.grid import compose_jobs
from maze.config import RunConfig


def configs(**arguments: object) -> list[RunConfig]:
    return [job.config for job in compose_jobs(arguments, seed=3, run_dir="somewhere")]


def test_what_varies_is_told_with_all_its_values_wherever_it_stands() -> None:
    jobs = configs(
        algorithm=["a2c", "ppo"],
        wrappers={"maze.env.rewards.RewardScalingWrapper": {"scale": 0.5}},
        overrides={"algorithm.lr": [0.1, 0.2]},
    )
    common = yaml.safe_load(common_yaml(jobs, "here"))
    assert common["algorithm"]["lr"] == "<varies: 0.1, 0.2>"
    assert common["algorithm"]["clip_range"] == "<varies: -, 0.2>"  # A2C has none
    assert common["choices"]["algorithm"] == "<varies: a2c, ppo>"
    assert common["algorithm"]["gamma"] == 0.99
    assert common["wrappers"] == jobs[0].to_mapping()["wrappers"]
    assert common["run_dir"] == "here"

    parameters = common_parameters(jobs, "here")
    assert parameters["algorithm.lr"] == "0.1, 0.2"
    assert parameters["algorithm.clip_range"] == "-, 0.2"
    assert parameters["wrappers.0.scale"] == "0.5"
    assert parameters["algorithm.gamma"] == "0.99"


def test_lists_of_other_lengths_are_told_whole_and_many_values_in_part() -> None:
    jobs = configs(overrides={"model.policy.networks.0.hidden_units": [[8], [8, 9]]})
    networks = yaml.safe_load(common_yaml(jobs, "here"))["model"]["policy"]["networks"]
    assert networks[0]["hidden_units"] == "<varies: [8], [8, 9]>"
    many = configs(overrides={"algorithm.gamma": [0.5 + place / 100 for place in range(30)]})
    words = yaml.safe_load(common_yaml(many, "here"))["algorithm"]["gamma"]
    assert words.startswith("<varies: 0.5, 0.51,")
    assert words.endswith(", 0.69, ...>")


def test_one_job_has_its_own_configuration() -> None:
    jobs = configs(algorithm=["ppo"])
    assert yaml.safe_load(common_yaml(jobs, "somewhere")) == {
        **jobs[0].to_mapping(),
        "run_dir": "somewhere",
    }
