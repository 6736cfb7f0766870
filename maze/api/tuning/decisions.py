"""What Optuna decides: the values of the next trial, and whether a trial is hopeless.

Samplers have a seed of their own for each trial, so that a trial's values follow from the trials that the sampler is
shown and from the trial's number, and from nothing that a process remembers.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from maze.api.tuning.search import Search
from maze.errors import InvalidSpecificationError
from maze.seeding import derive_seed

if TYPE_CHECKING:
    from collections.abc import Iterator

    import optuna
    from optuna.trial import FrozenTrial

__all__ = ["draw", "load_optuna", "make_judge", "make_pruner", "make_sampler", "quiet_optuna", "unfinished_trial"]


def load_optuna() -> Any:
    """Return the library, imported when a search begins and no earlier.

    Raises:
        InvalidSpecificationError: it is not installed; says how to install it.
    """
    try:
        import optuna  # noqa: PLC0415
        import optuna.storages.journal  # noqa: PLC0415
    except ImportError as error:
        raise InvalidSpecificationError(
            f"a search needs Optuna ({error}); install it: pip install maze[sweep]"
        ) from error
    return optuna


@contextmanager
def quiet_optuna() -> Iterator[None]:
    """Keep Optuna's own messages off the screen, and put its settings back."""
    optuna = load_optuna()
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(level)


def make_sampler(search: Search, number: int, *, constant_liar: bool = False) -> optuna.samplers.BaseSampler:
    """Return the sampler of one trial.

    Args:
        search: says which kind.
        number: of the trial.
        constant_liar: take trials that still run for bad ones, so that trials which run at the same time do not try
            the same values.
    """
    import optuna  # noqa: PLC0415

    seed = derive_seed(search.sampler_seed, "sampler", number)
    if search.sampler == "random":
        return optuna.samplers.RandomSampler(seed=seed)
    return optuna.samplers.TPESampler(seed=seed, n_startup_trials=search.n_startup_trials, constant_liar=constant_liar)


def make_pruner(prunes: bool, n_startup_trials: int, n_warmup_epochs: int) -> optuna.pruners.BasePruner:
    """Return what stops trials; arguments as for :class:`Search`."""
    import optuna  # noqa: PLC0415

    if not prunes:
        return optuna.pruners.NopPruner()
    return optuna.pruners.MedianPruner(n_startup_trials=n_startup_trials, n_warmup_steps=n_warmup_epochs)


def draw(search: Search, number: int, seen: Sequence[FrozenTrial]) -> dict[str, Any]:
    """Return the values of a trial as Optuna has them, by what varies.

    Args:
        search: what varies.
        number: of the trial.
        seen: the trials that the sampler knows, in order: those that have ended, and unfinished ones, from which it
            keeps away.
    """
    import optuna  # noqa: PLC0415

    study = optuna.create_study(direction="maximize", sampler=make_sampler(search, number, constant_liar=True))
    study.add_trials(seen)
    distributions = {path: axis.distribution() for path, axis in search.space.items()}
    return dict(study.ask(fixed_distributions=distributions).params)


def unfinished_trial(search: Search, drawn: Mapping[str, Any]) -> FrozenTrial:
    """Return a trial that is still running, for :func:`draw`."""
    import optuna  # noqa: PLC0415

    return optuna.trial.create_trial(
        state=optuna.trial.TrialState.RUNNING,
        params=dict(drawn),
        distributions={path: axis.distribution() for path, axis in search.space.items()},
    )


def make_judge(
    pruner: optuna.pruners.BasePruner, earlier: Sequence[Mapping[int, float]]
) -> Callable[[int, float], bool]:
    """Return what is told a trial's returns, step by step, and says whether to stop it.

    Args:
        pruner: compares with earlier trials.
        earlier: what the complete trials before it reported: return by step.
    """
    import optuna  # noqa: PLC0415

    with warnings.catch_warnings(), quiet_optuna():
        study = optuna.create_study(direction="maximize", pruner=pruner)
        study.add_trials([optuna.trial.create_trial(value=0.0, intermediate_values=dict(curve)) for curve in earlier])
        trial = study.ask()

    def report(step: int, value: float) -> bool:
        trial.report(value, step)
        return trial.should_prune()

    return report
