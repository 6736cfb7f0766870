"""A search that can be killed at any moment and goes on as if it had not been.

Optuna's journal holds the trials. Every trial draws from a sampler whose seed follows from the search's and the trial's
number, so that what a trial tries depends on the trials before it and on nothing that a process remembers.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from maze.api.tuning.search import Search
from maze.api.tuning.trials import SeedResult, Trial, TrialFiles, read_result, train_trial
from maze.config import RunConfig
from maze.errors import InvalidSpecificationError, MazeError
from maze.seeding import derive_seed

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

__all__ = ["Study", "StudyListener", "TrialEnd", "open_study"]

_HOPELESS = (MazeError, ValueError, RuntimeError, ArithmeticError)
"""What values with which an agent cannot be trained raise: maze's own errors, and those of torch and NumPy."""

_SETTLED = ("COMPLETE", "PRUNED", "FAIL")


@dataclass(frozen=True)
class TrialEnd:
    """How a trial ended.

    Attributes:
        number: from 0.
        state: ``complete``, ``pruned`` or ``failed``.
        values: of the configuration, by what varies.
        score: mean return over all seeds; None unless complete.
        seeds: result of every agent.
        reason: why it failed.
    """

    number: int
    state: str
    values: Mapping[str, Any]
    score: float | None = None
    seeds: Mapping[int, SeedResult] = field(default_factory=dict)
    reason: str = ""


class StudyListener:
    """Is told about trials while they run; every method does nothing here."""

    def on_begin(self, number: int, config: RunConfig) -> None:
        """Take note of a trial that begins, or goes on."""

    def on_seed(self, number: int, seed: int, result: SeedResult) -> None:
        """Take note of an agent that is complete, or was stopped."""

    def on_end(self, trial: TrialEnd) -> None:
        """Take note of a trial that has ended."""


class Study:
    """The trials of one search, some of which may have been made by earlier processes.

    Args:
        search: what is searched.
        directory: of the journal and the trials' runs.
        study: as Optuna has it.
    """

    def __init__(self, search: Search, directory: Path, study: optuna.Study) -> None:
        self.search = search
        self.directory = directory
        self._study = study
        self._distributions = {path: axis.distribution() for path, axis in search.space.items()}

    @property
    def trials(self) -> list[TrialEnd]:
        """The trials that have ended, in order."""
        return [self._end_of(trial) for trial in self._study.trials if trial.state.name in _SETTLED]

    @property
    def best(self) -> TrialEnd | None:
        """The complete trial with the highest score, the earliest of equal ones; None where there is none."""
        complete = [trial for trial in self.trials if trial.score is not None]
        return max(complete, key=lambda trial: (trial.score, -trial.number), default=None)

    def importances(self) -> dict[str, float]:
        """Return how much of the scores' variance each axis explains, summing to 1; empty where that cannot be said."""
        import optuna  # noqa: PLC0415

        scores = {trial.score for trial in self.trials if trial.score is not None}
        if len(scores) < 2 or len(self.search.space) < 2:
            return {}
        evaluator = optuna.importance.FanovaImportanceEvaluator(seed=self.search.sampler_seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = optuna.importance.get_param_importances(self._study, evaluator=evaluator)
        return {path: float(share) for path, share in found.items()}

    def run(self, listener: StudyListener) -> None:
        """Make the trials that are missing.

        Args:
            listener: is told about every trial.

        Raises:
            KeyboardInterrupt: Ctrl-C; the trial that was going on goes on next time.
        """
        while True:
            waiting = [trial for trial in self._study.trials if trial.state.name == "RUNNING"]
            if not waiting and len(self._study.trials) >= self.search.n_trials:
                return
            listener.on_end(self._trial(self._ask(waiting), listener))

    def _ask(self, waiting: list[FrozenTrial]) -> optuna.Trial:
        """Return the trial that an earlier process was killed in, or a new one with all its values drawn."""
        import optuna  # noqa: PLC0415

        whole = [trial for trial in waiting if set(trial.params) == set(self._distributions)]
        for broken in waiting:
            if broken not in whole:  # killed between two draws, which takes milliseconds
                self._study.tell(broken.number, state=optuna.trial.TrialState.FAIL)
        if whole:
            return optuna.Trial(self._study, whole[0]._trial_id)
        self._study.sampler = self._sampler(len(self._study.trials))
        return self._study.ask(fixed_distributions=self._distributions)

    def _sampler(self, number: int) -> optuna.samplers.BaseSampler:
        import optuna  # noqa: PLC0415

        seed = derive_seed(self.search.sampler_seed, "sampler", number)
        if self.search.sampler == "random":
            return optuna.samplers.RandomSampler(seed=seed)
        return optuna.samplers.TPESampler(seed=seed, n_startup_trials=self.search.n_startup_trials, constant_liar=False)

    def _trial(self, asked: optuna.Trial, listener: StudyListener) -> TrialEnd:
        """Train and evaluate the agents of one trial, and tell Optuna."""
        import optuna  # noqa: PLC0415

        values = self._values(asked.params)
        last = max(self._frozen(asked.number).intermediate_values, default=-1)

        def report(step: int, value: float) -> bool:
            if step > last:
                asked.report(value, step)
            return step >= last and asked.should_prune()  # until then an earlier process has asked already

        files = TrialFiles(self.directory, asked.number)
        results: dict[int, SeedResult] = {}
        try:
            config = self.search.compose(values)
            listener.on_begin(asked.number, config)
            trial = Trial(asked.number, config, tuple(self.search.seeds), report, results)
            train_trial(trial, files, lambda seed, result: listener.on_seed(asked.number, seed, result))
        except _HOPELESS as error:
            asked.set_user_attr("reason", f"{type(error).__name__}: {error}")
            self._study.tell(asked, state=optuna.trial.TrialState.FAIL)
        else:
            if trial.pruned:
                self._study.tell(asked, state=optuna.trial.TrialState.PRUNED)
            else:
                self._study.tell(asked, trial.score)
        return self._end_of(self._frozen(asked.number))

    def _frozen(self, number: int) -> FrozenTrial:
        return self._study.trials[number]

    def _values(self, drawn: Mapping[str, Any]) -> dict[str, Any]:
        return {path: axis.value(drawn[path]) for path, axis in self.search.space.items() if path in drawn}

    def _end_of(self, trial: FrozenTrial) -> TrialEnd:
        state = {"COMPLETE": "complete", "PRUNED": "pruned"}.get(trial.state.name, "failed")
        files = TrialFiles(self.directory, trial.number)
        found = {seed: read_result(files.result(seed)) for seed in self.search.seeds}
        return TrialEnd(
            number=trial.number,
            state=state,
            values=self._values(trial.params),
            score=trial.value if state == "complete" else None,
            seeds={seed: result for seed, result in found.items() if result is not None},
            reason=str(trial.user_attrs.get("reason", "")),
        )


@contextmanager
def open_study(search: Search, directory: Path) -> Iterator[Study]:
    """Open the study of a search, made where there is none, for this process alone.

    Args:
        search: what is searched.
        directory: where the journal and the trials' runs are.

    Raises:
        InvalidSpecificationError: Optuna is not installed, the directory holds another search, or another process is
            working on it.
    """
    optuna = _optuna()
    key = search.key
    directory.mkdir(parents=True, exist_ok=True)
    lock = FileLock(directory / "lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise InvalidSpecificationError(
            f"{directory}: another process is working on this search; wait until it has ended."
        ) from None
    try:
        _check_key(directory / "key", key)
        journal = directory / "journal.log"
        _mend(journal)
        with _quiet(optuna):
            storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(journal)))
            pruner = (
                optuna.pruners.MedianPruner(
                    n_startup_trials=search.n_startup_trials, n_warmup_steps=search.n_warmup_epochs
                )
                if search.prunes
                else optuna.pruners.NopPruner()
            )
            study = optuna.create_study(
                study_name="search", storage=storage, direction="maximize", pruner=pruner, load_if_exists=True
            )
            yield Study(search, directory, study)
    finally:
        lock.release()


def _optuna() -> Any:
    try:
        import optuna  # noqa: PLC0415
        import optuna.storages.journal  # noqa: PLC0415
    except ImportError as error:
        raise InvalidSpecificationError(
            f"a search needs Optuna ({error}); install it: pip install maze[sweep]"
        ) from error
    return optuna


@contextmanager
def _quiet(optuna: Any) -> Iterator[None]:
    """Keep Optuna's own messages off the screen, and put its settings back."""
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(level)


def _check_key(path: Path, key: str) -> None:
    if not path.exists():
        path.write_text(f"{key}\n", encoding="utf-8")
    elif path.read_text(encoding="utf-8").strip() != key:
        raise InvalidSpecificationError(
            f"{path.parent}: holds another search (of another space, configuration, seeds or code); name another "
            "--study-dir, or remove that one."
        )


def _mend(journal: Path) -> None:
    """Cut off a last line that a killed process has left half written."""
    if not journal.is_file():
        return
    content = journal.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        with journal.open("r+b") as stream:
            stream.truncate(whole)
    for leftover in journal.parent.glob(f"{journal.name}.lock*"):  # of a process that was killed while it wrote
        leftover.unlink(missing_ok=True)
