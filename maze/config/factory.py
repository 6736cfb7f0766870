"""A typed way to make objects from configuration: what comes back is what was asked for."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Generic, TypeVar, cast

from maze.config.instantiate import instantiate
from maze.errors import InvalidSpecificationError

__all__ = ["Factory"]

T = TypeVar("T")


class Factory(Generic[T]):
    """Makes objects of one class from mappings with ``_target_``, and lets finished objects pass.

    ::

        env = Factory(MazeEnv).instantiate({"_target_": "maze.GymMazeEnv", "env": "CartPole-v1"})

    Args:
        base: the class that everything has to be an instance of; it may be abstract.

    Raises:
        InvalidSpecificationError: ``base`` is no class.
    """

    def __init__(self, base: Callable[..., T]) -> None:  # a type[T] could not be abstract for type checkers
        if not inspect.isclass(base):
            raise InvalidSpecificationError(f"base: {base!r} is not accepted; accepted is a class, such as MazeEnv.")
        self.base: type[T] = cast("type[T]", base)

    def instantiate(self, config: Any, /, **kwargs: Any) -> T:
        """Return the object that a configuration describes.

        Args:
            config: a mapping with ``_target_`` and arguments, or an object, which is returned as it is.
            kwargs: further arguments; they win over those of the mapping and are for mappings only.

        Returns:
            An instance of the class of this factory.

        Raises:
            InvalidSpecificationError: the mapping names no known target, its arguments do not fit, what came out is of
                another class, or there are arguments for an object that is finished already.
        """
        name = self.base.__name__
        if isinstance(config, self.base) and kwargs:
            raise InvalidSpecificationError(
                f"{name}: {', '.join(sorted(kwargs))} can be given only with a mapping; {config!r} is made already."
            )
        made = instantiate(config, _path_=name, **kwargs)
        if not isinstance(made, self.base):
            raise InvalidSpecificationError(
                f"{name}: {made!r} of the class {type(made).__name__} is not accepted; accepted: an instance of "
                f"{name}, or a mapping whose _target_ makes one."
            )
        return made
