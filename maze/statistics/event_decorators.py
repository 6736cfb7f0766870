"""How events become numbers and figures: an event is a method, and decorators declare what is made of it.

Its name says what happens and its arguments what is known about it; whoever counts needs to know no event by name::

    class ShopEvents(ABC):
        @define_plot(draw_histogram, input_name="amount")
        @define_epoch_stats(np.mean, input_name="sum", output_name="mean")
        @define_episode_stats(np.sum, input_name="amount", output_name="sum")
        @define_stats_grouping("product")
        @abstractmethod
        def sold(self, product: str, amount: float) -> None: ...

A statistic takes what the level below calls ``input_name``: a statistic of that name, or else the event's argument of
that name, of every event. Without ``input_name`` it takes the statistic without a name, or else the event's only
argument besides the groups.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from maze.errors import InvalidSpecificationError
from maze.statistics.event_statistics import (
    EventStatistic,
    Groups,
    LogStatsLevel,
    declare_groups,
    declare_statistic,
    event_arguments,
    event_statistics,
)
from maze.types import Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["define_episode_stats", "define_epoch_stats", "define_plot", "define_stats_grouping", "define_step_stats"]

Decorated = TypeVar("Decorated", bound=Callable[..., None])


def define_step_stats(
    reduce_function: Callable[[Any], Any],
    *,
    input_name: str | None = None,
    output_name: str | None = None,
    group_by: Groups = None,
    cumulative: bool = False,
) -> Callable[[Decorated], Decorated]:
    """Return a decorator that declares a statistic of the events in one step.

    Args:
        reduce_function: makes a number of an array of values, for example ``np.sum`` or ``len``.
        input_name: which argument of the event it takes.
        output_name: name of the statistic.
        group_by: argument, or arguments, that results are told apart by; all that the event is grouped by when None.
        cumulative: add up over steps instead of beginning anew.

    Raises:
        InvalidSpecificationError: the function is not callable, or the event has no such argument to group by.
    """
    _check_function(reduce_function, "define_step_stats", "a number")
    return _declare(LogStatsLevel.STEP, reduce_function, input_name, output_name, group_by, cumulative)


def define_episode_stats(
    reduce_function: Callable[[Any], Any],
    *,
    input_name: str | None = None,
    output_name: str | None = None,
    group_by: Groups = None,
    cumulative: bool = False,
) -> Callable[[Decorated], Decorated]:
    """Return a decorator that declares a statistic of the values that an event had in one episode.

    Args:
        reduce_function: makes a number of an array of values, for example ``np.sum`` or ``len``.
        input_name: which statistic of the steps, or which argument of the event, it takes.
        output_name: name of the statistic.
        group_by: argument, or arguments, that results are told apart by; those of the values when None.
        cumulative: add up over episodes instead of beginning anew.

    Raises:
        InvalidSpecificationError: the function is not callable, or the event has no such argument to group by.
    """
    _check_function(reduce_function, "define_episode_stats", "a number")
    return _declare(LogStatsLevel.EPISODE, reduce_function, input_name, output_name, group_by, cumulative)


def define_epoch_stats(
    reduce_function: Callable[[Any], Any],
    *,
    input_name: str | None = None,
    output_name: str | None = None,
    group_by: Groups = None,
    cumulative: bool = False,
) -> Callable[[Decorated], Decorated]:
    """Return a decorator that declares a statistic over the episodes of an epoch.

    Args:
        reduce_function: makes a number of an array with one value for each episode, for example ``np.mean``.
        input_name: which statistic of the episodes it takes.
        output_name: name of the statistic.
        group_by: argument, or arguments, that results are told apart by; those of the values when None.
        cumulative: add up over epochs instead of beginning anew.

    Raises:
        InvalidSpecificationError: the function is not callable, or the event has no such argument to group by.
    """
    _check_function(reduce_function, "define_epoch_stats", "a number")
    return _declare(LogStatsLevel.EPOCH, reduce_function, input_name, output_name, group_by, cumulative)


def define_stats_grouping(*names: str) -> Callable[[Decorated], Decorated]:
    """Return a decorator that tells events apart by some of their arguments: every group has statistics of its own.

    Args:
        *names: arguments of the event, for example ``"product"``.

    Raises:
        InvalidSpecificationError: the event has no such argument.
    """
    for name in names:
        if not isinstance(name, str):
            raise InvalidSpecificationError(
                f"define_stats_grouping: {name!r} is not accepted; accepted: names of arguments, as in "
                "@define_stats_grouping('product')."
            )

    def decorate(event: Decorated) -> Decorated:
        _check_groups(event, names)
        declare_groups(event, names)
        return event

    return decorate


def define_plot(
    create_figure_function: Callable[[Array], Figure],
    *,
    input_name: str | None = None,
    output_name: str | None = None,
    group_by: Groups = None,
) -> Callable[[Decorated], Decorated]:
    """Return a decorator that declares a figure of what an event told in the episodes of an epoch.

    It is drawn once an epoch, and only where a writer keeps figures: as an image in TensorBoard, and as the artifact
    ``figures/train/<event>/<name>/<step>.png`` in MLflow; of episodes that were played, ``figures/evaluate/...``.

    Args:
        create_figure_function: makes a matplotlib figure of an array of values, [E]: one for each episode where they
            are a statistic, one for each event where they are an argument.
        input_name: which statistic of the episodes, or which argument of the event, it takes.
        output_name: name of the figure.
        group_by: argument, or arguments, that figures are told apart by; those of the values when None.

    Raises:
        InvalidSpecificationError: the event has a figure of that name or no such argument to group by, or the function
            is not callable.
    """
    _check_function(create_figure_function, "define_plot", "a matplotlib figure")
    groups = group_by if group_by is None else _as_names(group_by)
    plot = EventStatistic(LogStatsLevel.EPOCH, create_figure_function, input_name, output_name, groups, is_plot=True)

    def decorate(event: Decorated) -> Decorated:
        _check_groups(event, groups)
        declared = event_statistics(event, LogStatsLevel.EPOCH)
        if any(other.is_plot and other.output_name == output_name for other in declared):
            raise InvalidSpecificationError(
                f"{event.__qualname__}: there are two figures named {output_name!r}; tell them apart by output_name."
            )
        declare_statistic(event, plot)
        return event

    return decorate


def _declare(
    level: LogStatsLevel,
    reduce_function: Callable[[Any], Any],
    input_name: str | None,
    output_name: str | None,
    group_by: Groups,
    cumulative: bool,
) -> Callable[[Decorated], Decorated]:
    groups = group_by if group_by is None else _as_names(group_by)
    statistic = EventStatistic(level, reduce_function, input_name, output_name, groups, cumulative)

    def decorate(event: Decorated) -> Decorated:
        _check_groups(event, groups)
        declare_statistic(event, statistic)
        return event

    return decorate


def _check_function(function: Any, decorator: str, result: str) -> None:
    if not callable(function):
        raise InvalidSpecificationError(
            f"{decorator}: {function!r} is not callable; accepted: a function that makes {result} of an array of "
            "values."
        )


def _as_names(group_by: Any) -> tuple[Any, ...]:
    return tuple(group_by) if isinstance(group_by, (tuple, list)) else (group_by,)


def _check_groups(event: Callable[..., None], names: tuple[str, ...] | None) -> None:
    known = event_arguments(event)
    for name in names or ():
        if name not in known:
            raise InvalidSpecificationError(
                f"{event.__qualname__}: there is no argument {name!r} to group by; accepted: {', '.join(known)}."
            )
