"""What travels between processes: any values by cloudpickle with their arrays apart, errors with their tracebacks."""

from __future__ import annotations

import contextlib
import importlib.abc
import pickle
import sys
import threading
import traceback
import types
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from maze.config.own_code import object_name, own_modules
from maze.errors import InvalidSpecificationError, MazeError
from maze.processes.channel import Parts

__all__ = ["ErrorReport", "Handover", "dump_handover", "dumps", "loads", "report_of"]

_REGISTERING = threading.RLock()
"""cloudpickle keeps the modules that go by value in one place for the whole process."""


def dumps(value: Any) -> Parts:
    """Return a value as a pickle and the arrays' own memory, which is not copied."""
    import cloudpickle  # type: ignore[import-untyped]  # noqa: PLC0415  (only where there are worker processes)

    buffers: list[pickle.PickleBuffer] = []
    data = cloudpickle.dumps(value, protocol=5, buffer_callback=buffers.append)
    return [data, *(buffer.raw() for buffer in buffers)]


def loads(parts: Parts) -> Any:
    """Return the value that `dumps` wrote; the arrays use the memory that is given."""
    return pickle.loads(parts[0], buffers=parts[1:])  # noqa: S301  (comes from a process of one's own)


@dataclass(frozen=True, slots=True)
class Handover:
    """What a worker process gets first.

    Attributes:
        finders: parts of the import system that maze added to it.
        make: makes the object that does the work.
        queued: read requests while the object works, so that the owner never waits for it to ask for something.
    """

    finders: list[Any]
    make: Parts
    queued: bool


def dump_handover(make: Callable[[], Any], *, queued: bool, what: str) -> Parts:
    """Return what another process needs to make an object.

    Functions and classes travel by name where they can be imported there, with this process's import path, and by value
    otherwise: those of scripts and notebooks, and of modules that were never files.

    Args:
        make: makes the object.
        queued: see `Handover`.
        what: what is made, for messages.

    Raises:
        InvalidSpecificationError: it holds something that cannot be handed over, such as an open file or a lock.
    """
    finders = [finder for finder in sys.meta_path if type(finder).__module__.partition(".")[0] == "maze"]
    with _modules_by_value(), _Refusing(what):
        return dumps(Handover(finders, dumps(make), queued))


@contextlib.contextmanager
def _modules_by_value() -> Iterator[None]:
    """Let what belongs to modules that cannot be imported elsewhere go by value while the block runs."""
    import cloudpickle  # noqa: PLC0415

    with _REGISTERING:
        known = set(cloudpickle.list_registry_pickle_by_value())
        modules = [module for module in own_modules() if not _can_be_found(module) and module.__name__ not in known]
        for module in modules:
            cloudpickle.register_pickle_by_value(module)
        try:
            yield
        finally:
            for module in modules:
                cloudpickle.unregister_pickle_by_value(module)


def _can_be_found(module: types.ModuleType) -> bool:
    """Tell whether another process finds a module with this one's import path."""
    top = module.__name__.partition(".")[0]
    for finder in sys.meta_path:
        if type(finder).__module__.startswith("_pytest"):  # finds test files that nobody else can
            continue
        find: Callable[[str, Sequence[str] | None], importlib.abc.Loader | None] = finder.find_spec  # type: ignore[assignment]
        if find(top, None) is not None:
            return True
    return False


class _Refusing:
    """A block that pickles somebody's own objects, any error of which says that they cannot be handed over."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        """Begin the block."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if isinstance(error, Exception):
            raise InvalidSpecificationError(
                f"{self._what} cannot be handed to another process "
                f"({type(error).__name__}: {error}); make what it holds inside of it, for example open files, or stay "
                "in one process with runner='dev'."
            ) from error


@dataclass(frozen=True, slots=True)
class ErrorReport:
    """An error on its way to another process.

    Attributes:
        name: its class.
        message: what it says.
        traceback: where it came from, as text.
        error: the error itself; None where it cannot travel.
    """

    name: str
    message: str
    traceback: str
    error: Parts | None

    def as_error(self, where: str) -> BaseException:
        """Return the error with its traceback as a note, or one of maze that says the same.

        Args:
            where: in which process it was raised.
        """
        error: BaseException | None = None
        if self.error is not None:
            with contextlib.suppress(Exception):  # its class may be anybody's own
                error = loads(self.error)
        if not isinstance(error, BaseException):
            error = MazeError(f"{self.name}: {self.message}")
        error.add_note(f"It was raised in {where}:\n{self.traceback.rstrip()}")
        return error


def report_of(error: BaseException) -> ErrorReport:
    """Return an error in a form that can travel."""
    name = object_name(error)
    message, text = "", ""
    with contextlib.suppress(Exception):  # __str__ may be anybody's own, and fail
        message = str(error)
        text = "".join(traceback.format_exception(error))
    return ErrorReport(name, message, text, _packed(error))


def _packed(error: BaseException) -> Parts | None:
    """Return an error as bytes that can be loaded again, or None."""
    for form in (error, _Remade(error)):
        with contextlib.suppress(Exception):
            packed = [bytes(part) for part in dumps(form)]
            if type(loads(packed)) is type(error):
                return packed
    return None


class _Remade:
    """An error that is made again without its constructor, which may take other arguments than it keeps."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def __reduce__(self) -> tuple[Any, ...]:
        return _remake, (type(self._error), self._error.args, dict(vars(self._error)))


def _remake(kind: type[BaseException], arguments: tuple[Any, ...], attributes: dict[str, Any]) -> BaseException:
    error = kind.__new__(kind, *arguments)
    error.args = arguments
    vars(error).update(attributes)
    return error
