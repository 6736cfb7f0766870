"""Several trials at once, with the same outcomes whichever of them ends first.

Trials come in waves of ``n_jobs``. What the trials of a wave try, and whether they are hopeless, follows from what the
waves before it have come to, and from nothing that happens beside them: the sampler takes trials of the same wave for
bad ones, so that it keeps away from their values (Optuna's constant liar), and the pruner does not know them. What this
costs: a wave takes as long as its longest trial, the sampler learns once a wave instead of once a trial, and the first
``n_startup_trials`` are rounded up to whole waves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maze.api.tuning.decisions import draw, unfinished_trial
from maze.api.tuning.listener import StudyListener, TrialEnd
from maze.api.tuning.search import Search
from maze.api.tuning.tasks import TaskFiles, TrialTask
from maze.api.tuning.trial_processes import train_side_by_side
from maze.api.tuning.trials import TrialFiles, TrialOutcome, compose_trial, reported_steps
from maze.config import RunConfig
from maze.launchers import JoblibLauncher, Launcher

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

__all__ = ["Waves"]


class Waves:
    """The trials of one search in waves, some of which earlier processes may have made.

    Nothing of a wave is written to Optuna's journal before all its trials have ended, and then each as a whole, in the
    order of their numbers: who was killed finds the waves before, draws the same values again, and keeps what the
    processes of trials have completed.

    Args:
        search: what is searched.
        directory: of the journal and the trials' runs.
        study: as Optuna has it.
        listener: is told about every trial, as soon as it begins or ends.
    """

    def __init__(self, search: Search, directory: Path, study: optuna.Study, listener: StudyListener) -> None:
        self._search = search
        self._directory = directory
        self._study = study
        self._listener = listener

    def run(self, launcher: Launcher | None = None) -> None:
        """Make the trials that are missing.

        Args:
            launcher: runs the processes; ``n_jobs`` side by side when None.

        Raises:
            KeyboardInterrupt: Ctrl-C, after all processes have ended.
            TrainingError: a process broke down, for a reason that is not its values.
        """
        search = self._search
        chosen = launcher or JoblibLauncher(search.n_jobs)
        while (n_done := len(self._study.trials)) < search.n_trials:
            first = n_done // search.n_jobs * search.n_jobs
            self._wave(first, range(n_done, min(first + search.n_jobs, search.n_trials)), chosen)

    def _wave(self, first: int, numbers: range, launcher: Launcher) -> None:
        """Make the missing trials of the wave that begins with a number."""
        known = self._study.trials
        drawn = self._draw(first, numbers, known)
        earlier = [dict(trial.intermediate_values) for trial in known[:first] if trial.state.name == "COMPLETE"]
        outcomes: dict[int, TrialOutcome] = {}

        def note(number: int, outcome: TrialOutcome) -> None:
            outcomes[number] = outcome
            for seed, result in outcome.seeds.items():
                self._listener.on_seed(number, seed, result)
            values = self._search.values_of(drawn[number])
            end = TrialEnd(number, outcome.state, values, outcome.score, outcome.seeds, outcome.reason)
            self._listener.on_end(end)

        tasks = []
        for number in numbers:
            config = compose_trial(self._search, drawn[number])
            if isinstance(config, TrialOutcome):
                note(number, config)
            else:
                self._listener.on_begin(number, config)
                tasks.append(self._task(number, drawn[number], config, earlier))
        files = {number: self._files(number) for number in numbers}
        train_side_by_side(tasks, files, launcher, note)
        for number in numbers:
            self._study.add_trial(self._settled(drawn[number], outcomes[number]))

    def _draw(self, first: int, numbers: range, known: Sequence[FrozenTrial]) -> dict[int, dict[str, Any]]:
        """Return the values of the wave's trials, also of those that are done: the last wave may have been cut off."""
        drawn = {trial.number: dict(trial.params) for trial in known[first:]}
        for number in numbers:
            beside = [unfinished_trial(self._search, values) for values in drawn.values()]
            asked = self._files(number).drawn()  # an earlier process may have trained with them
            drawn[number] = asked or draw(self._search, number, [*known[:first], *beside])
        return drawn

    def _files(self, number: int) -> TaskFiles:
        return TaskFiles(TrialFiles.of(self._directory, number).root)

    def _task(
        self, number: int, drawn: Mapping[str, Any], config: RunConfig, earlier: Sequence[Mapping[int, float]]
    ) -> TrialTask:
        search = self._search
        return TrialTask(
            number=number,
            drawn=drawn,
            config=config,
            seeds=tuple(search.seeds),
            prunes=search.prunes,
            n_startup_trials=search.n_startup_trials,
            n_warmup_epochs=search.n_warmup_epochs,
            earlier=earlier if search.prunes else [],
        )

    def _settled(self, drawn: Mapping[str, Any], outcome: TrialOutcome) -> FrozenTrial:
        """Return a trial as Optuna keeps it."""
        import optuna  # noqa: PLC0415

        states = optuna.trial.TrialState
        return optuna.trial.create_trial(
            state={"complete": states.COMPLETE, "pruned": states.PRUNED}.get(outcome.state, states.FAIL),
            value=outcome.score,
            params=dict(drawn),
            distributions={path: axis.distribution() for path, axis in self._search.space.items()},
            intermediate_values=reported_steps(self._search.seeds, outcome.seeds),
            user_attrs={"reason": outcome.reason} if outcome.reason else {},
        )
