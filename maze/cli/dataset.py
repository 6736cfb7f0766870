"""Write recorded episodes as a versioned dataset that Minari loads."""

from __future__ import annotations

import argparse
from pathlib import Path

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of this command."""
    parser.add_argument(
        "source", metavar="RECORDED", nargs="+", help="directory of a run or of a rollout; several join"
    )
    parser.add_argument("dataset_id", metavar="ID", help="name with a version, for example cartpole/expert-v0")
    parser.add_argument("--output-dir", type=Path, default=Path("datasets"), help="directory of datasets (default: it)")
    parser.add_argument("--run", dest="played_by", help="the run that was recorded, where it is not beside RECORDED")
    parser.add_argument("--author", help="who made it, for the metadata")
    parser.add_argument("--description", help="what it is for, for the metadata")
    parser.add_argument("--silent", action="store_true", help="print nothing")
    parser.add_argument(
        "--allow-code", action="store_true", help="let the run name code outside of maze; trust it first"
    )
    parser.epilog = "MINARI_DATASETS_PATH=datasets minari list local, and minari.load_dataset(ID), find it afterwards."


def run(arguments: argparse.Namespace) -> int:
    """Write the dataset, and say where it is."""
    from maze.api.datasets import write_minari  # noqa: PLC0415

    target = write_minari(
        arguments.source,
        arguments.dataset_id,
        arguments.output_dir,
        run=arguments.played_by,
        author=arguments.author,
        description=arguments.description,
        allow_code=arguments.allow_code,
    )
    if not arguments.silent:
        print(f"dataset: {target}")
    return 0
