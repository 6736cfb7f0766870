"""A search that can be killed at any moment and goes on as if it had not been.

Optuna's journal holds the trials. Every trial draws from a sampler whose seed follows from the search's and the trial's
number, so that what a trial tries depends on the trials before it and on nothing that a process remembers. Trials that
run at the same time see those of earlier waves alone; see :mod:`maze.api.tuning.waves`.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from maze.api.tuning.decisions import load_optuna, make_pruner, make_sampler, quiet_optuna
from maze.api.tuning.listener import StudyListener, TrialEnd
from maze.api.tuning.search import Search
from maze.api.tuning.trials import Trial, TrialFiles, TrialOutcome, attempt_trial, compose_trial, read_result
from maze.api.tuning.waves import Waves
from maze.errors import InvalidSpecificationError
from maze.launchers import Launcher

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

__all__ = ["Study", "open_study"]

_SETTLED = ("COMPLETE", "PRUNED", "FAIL")


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

    def run(self, listener: StudyListener, launcher: Launcher | None = None) -> None:
        """Make the trials that are missing: one after another here, or in waves of processes where ``n_jobs`` says so.

        Args:
            listener: is told about every trial.
            launcher: runs the processes; ``n_jobs`` side by side when None.

        Raises:
            KeyboardInterrupt: Ctrl-C; the trials that were going on go on next time.
            TrainingError: the process of a trial broke down, for a reason that is not its values.
        """
        if self.search.n_jobs > 1:
            Waves(self.search, self.directory, self._study, listener).run(launcher)
            return
        while True:
            waiting = [trial for trial in self._study.trials if trial.state.name == "RUNNING"]
            if not waiting and len(self._study.trials) >= self.search.n_trials:
                return
            listener.on_end(self._trial(self._ask(waiting), listener))

    def _ask(self, waiting: list[FrozenTrial]) -> optuna.Trial:
        """Return the trial that an earlier process was killed in, or a new one with all its values drawn."""
        import optuna  # noqa: PLC0415

        distributions = {path: axis.distribution() for path, axis in self.search.space.items()}
        whole = [trial for trial in waiting if set(trial.params) == set(distributions)]
        for broken in waiting:
            if broken not in whole:  # killed between two draws, which takes milliseconds
                self._study.tell(broken.number, state=optuna.trial.TrialState.FAIL)
        if whole:
            return optuna.Trial(self._study, whole[0]._trial_id)
        self._study.sampler = make_sampler(self.search, len(self._study.trials))
        return self._study.ask(fixed_distributions=distributions)

    def _trial(self, asked: optuna.Trial, listener: StudyListener) -> TrialEnd:
        """Train and evaluate the agents of one trial here, and tell Optuna."""
        last = max(self._frozen(asked.number).intermediate_values, default=-1)

        def report(step: int, value: float) -> bool:
            if step > last:
                asked.report(value, step)
            return step >= last and asked.should_prune()  # until then an earlier process has asked already

        config = compose_trial(self.search, asked.params)
        if isinstance(config, TrialOutcome):
            outcome = config
        else:
            listener.on_begin(asked.number, config)
            trial = Trial(asked.number, config, tuple(self.search.seeds), report)
            files = TrialFiles.of(self.directory, asked.number)
            outcome = attempt_trial(trial, files, lambda seed, result: listener.on_seed(asked.number, seed, result))
        self._tell(asked, outcome)
        return self._end_of(self._frozen(asked.number))

    def _tell(self, asked: optuna.Trial, outcome: TrialOutcome) -> None:
        """Tell Optuna how a trial ended."""
        import optuna  # noqa: PLC0415

        if outcome.state == "failed":
            asked.set_user_attr("reason", outcome.reason)
            self._study.tell(asked, state=optuna.trial.TrialState.FAIL)
        elif outcome.state == "pruned":
            self._study.tell(asked, state=optuna.trial.TrialState.PRUNED)
        else:
            self._study.tell(asked, outcome.score)

    def _frozen(self, number: int) -> FrozenTrial:
        return self._study.trials[number]

    def _end_of(self, trial: FrozenTrial) -> TrialEnd:
        state = {"COMPLETE": "complete", "PRUNED": "pruned"}.get(trial.state.name, "failed")
        files = TrialFiles.of(self.directory, trial.number)
        found = {seed: read_result(files.result(seed)) for seed in self.search.seeds}
        return TrialEnd(
            number=trial.number,
            state=state,
            values=self.search.values_of(trial.params),
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
    optuna = load_optuna()
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
        with quiet_optuna():
            storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(journal)))
            pruner = make_pruner(search.prunes, search.n_startup_trials, search.n_warmup_epochs)
            study = optuna.create_study(
                study_name="search", storage=storage, direction="maximize", pruner=pruner, load_if_exists=True
            )
            yield Study(search, directory, study)
    finally:
        lock.release()


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
