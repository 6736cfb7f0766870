"""Compose: params.yaml and conf/ become build/config.yaml, resolved and checked; everything wrong is found here."""

from __future__ import annotations

from maze.api import specs
from maze.api.project_code import check_code, check_inputs
from maze.artifacts import write_text
from stages.settings import CONFIG, read_params, run_stage


def compose() -> None:
    """Write the resolved configuration, without seeds and tags, which are no part of it."""
    params = read_params()
    config = specs.from_params(params)
    check_code(config.allowed_modules)
    check_inputs(config, params.get("inputs"))
    write_text(CONFIG, config.replace({"tags": {}}).to_yaml())


if __name__ == "__main__":
    run_stage(compose)
