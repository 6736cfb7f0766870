"""Search for values that learn best: intervals and choices as key=value."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import Any

from maze.errors import InvalidSpecificationError

__all__ = ["add_arguments", "run"]

_EPILOG = """what varies:
  'algorithm.lr=tag(log,interval(1e-4,1e-2))'     a number, searched by orders of magnitude
  'algorithm.gamma=interval(0.9,0.999)'           a number
  'algorithm.n_rollout_steps=range(16,129,16)'    a whole number in steps; int(interval(1,8)) without
  algorithm.gae_lambda=0.9,0.95,1                 one of these; also a choice: algorithm=a2c,ppo
what does not: algorithm=ppo, env.name=Acrobot-v1, as for maze-run train. The same can stand in a file (--space):
  choices: {experiment: cartpole, algorithm: ppo}
  values: {algorithm.n_epochs: 10}
  space: {algorithm.lr: {low: 1.0e-4, high: 1.0e-2, log: true}, algorithm.gamma: [0.95, 0.99]}
  seeds: [0, 1]
  n_trials: 20
  n_jobs: 2

A search that was stopped, or killed, goes on where it was when the same command is given again; --trials with a larger
number adds trials. With --jobs N, trials come in waves of N, which learn from the waves before, so that it does not
matter which trial ends first; another N is another search. The best values are a preset afterwards:
maze-run train -cd OUTPUT_DIR/conf experiment=best
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of this command."""
    parser.add_argument(
        "overrides", nargs="*", metavar="KEY=VALUE", help="what varies, and choices and values that do not"
    )
    parser.add_argument("--space", type=Path, help="a YAML file that says what varies; words win over it")
    parser.add_argument("--trials", type=int, help="how many there are to be, earlier ones included (default: 20)")
    parser.add_argument("--seeds", help="every trial trains one agent for each, for example 0,1,2 (default: 0)")
    parser.add_argument("--sampler", choices=["tpe", "random"], help="how values are drawn (default: tpe)")
    parser.add_argument("--sampler-seed", type=int, help="base of the draws' randomness (default: 0)")
    parser.add_argument("--startup-trials", type=int, help="trials before anything is learned from them (default: 5)")
    parser.add_argument(
        "--jobs", type=int, help="trials that run at once, in processes; they learn from earlier waves (default: 1)"
    )
    parser.add_argument("--no-pruning", action="store_true", help="train every trial to its end")
    parser.add_argument("-cd", "--config-dir", type=Path, help="a configuration tree of your own")
    parser.add_argument("--output-dir", type=Path, help="where results go (default: outputs/tune/KEY)")
    parser.add_argument("--study-dir", type=Path, help="where trials are kept (default: .maze/tune/KEY)")
    parser.add_argument("--save", metavar="NAME", help="write the best values to conf/experiment/NAME.yaml as well")
    parser.add_argument("--silent", action="store_true", help="print nothing")
    parser.epilog = _EPILOG


def run(arguments: argparse.Namespace) -> int:
    """Search, and say what was found and where it is."""
    from maze.api.tuning.run import tune  # noqa: PLC0415
    from maze.api.tuning.search import Search  # noqa: PLC0415

    search = Search.from_mapping(_content(arguments.space), **_changes(arguments))
    saved = _place(arguments)
    say = None if arguments.silent else _say
    result = tune(search, output_dir=arguments.output_dir, study_dir=arguments.study_dir, say=say)
    preset, tree = "best", result.files.preset.parent.parent
    if saved is not None:
        from maze.api.tuning.preset import write_preset  # noqa: PLC0415

        write_preset(search, result.best.values, saved, f"trial {result.best.number}, see {result.files.root}.")
        preset, tree = saved.stem, saved.parent.parent
    if say is not None:
        for path, share in result.importances.items():
            say(f"{path} explains {share:.0%} of the scores' variance")
        say(f"best: trial {result.best.number}, mean return {result.best.score:.1f}; results: {result.files.root}")
        where = "" if saved is not None and arguments.config_dir is None else f"-cd {shlex.quote(str(tree))} "
        say(f"next: maze-run train {where}experiment={preset}")
    return 0


def _say(line: str) -> None:
    print(line, flush=True)


def _content(path: Path | None) -> Any:
    """Return what the file of a search says, read as params.yaml is: YAML 1.2."""
    if path is None:
        return {}
    from ruamel.yaml import YAML  # noqa: PLC0415
    from ruamel.yaml.error import YAMLError  # noqa: PLC0415

    try:
        return YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, YAMLError) as error:
        raise InvalidSpecificationError(f"--space: {path} cannot be read ({' '.join(str(error).split())}).") from error


def _changes(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the fields of a search that the command line gives."""
    from maze.cli.spaces import search_words  # noqa: PLC0415  (loads Hydra)

    given = {
        "n_trials": arguments.trials,
        "seeds": None if arguments.seeds is None else _seeds(arguments.seeds),
        "sampler": arguments.sampler,
        "sampler_seed": arguments.sampler_seed,
        "n_startup_trials": arguments.startup_trials,
        "n_jobs": arguments.jobs,
        "prunes": False if arguments.no_pruning else None,
        "config_dir": arguments.config_dir,
    }
    words = search_words(arguments.overrides, arguments.config_dir)
    return {**words, **{name: value for name, value in given.items() if value is not None}}


def _seeds(text: str) -> list[int]:
    parts = [part.strip() for part in text.strip("[]").split(",")]
    if not all(part.isdecimal() for part in parts):
        raise InvalidSpecificationError(f"--seeds: {text!r} is not accepted; accepted: whole numbers, such as 0,1,2.")
    return [int(part) for part in parts]


def _place(arguments: argparse.Namespace) -> Path | None:
    """Return where ``--save`` writes, before anything is searched for hours."""
    if arguments.save is None:
        return None
    tree = arguments.config_dir if arguments.config_dir is not None else Path("conf")
    if not arguments.save.isidentifier():
        raise InvalidSpecificationError(
            f"--save: {arguments.save!r} is not accepted; accepted: letters, digits and '_'."
        )
    if not tree.is_dir():
        raise InvalidSpecificationError(f"--save: there is no {tree}/ here; say where your tree is: --config-dir DIR.")
    from maze.api.tuning.preset import MARK  # noqa: PLC0415

    path: Path = tree / "experiment" / f"{arguments.save}.yaml"
    if path.is_file() and MARK not in path.read_text(encoding="utf-8"):
        raise InvalidSpecificationError(f"--save: {path} is there, and no search has written it; choose another name.")
    return path
