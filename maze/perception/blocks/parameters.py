"""What the parameters of blocks and networks accept, by their names; known without torch.

Blocks look at what they are given, and a configuration is looked at in the same way before anything is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from maze.errors import InvalidSpecificationError, suggest

__all__ = [
    "PADDING_MODES",
    "PARAMETERS",
    "WEIGHT_INITS",
    "check_count",
    "check_flag",
    "check_fraction",
    "check_layers",
    "check_length",
    "check_lengths",
    "check_option",
    "check_parameters",
    "check_weight_init",
    "check_widths",
]

WEIGHT_INITS = ("normc", "orthogonal")
"""What ``weight_init`` accepts: incoming weights of each unit of equal length, or orthogonal weights."""

PADDING_MODES = ("circular", "reflect", "replicate", "zeros")
"""What ``padding_mode`` accepts."""


def _refused(name: str, value: object, accepted: str) -> InvalidSpecificationError:
    return InvalidSpecificationError(f"{name}: {value!r} is not accepted; accepted: {accepted}.")


def _is_whole(value: Any, least: int) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and bool(value >= least)


def check_widths(name: str, widths: Any) -> list[int]:
    """Return the widths of layers, or channels, as a list; NumPy's whole numbers as plain ones.

    Args:
        name: of the parameter.
        widths: what was given.

    Raises:
        InvalidSpecificationError: it is no list, or a width is not a whole number above 0.
    """
    is_list = isinstance(widths, Iterable) and not isinstance(widths, str | bytes | Mapping)
    listed = list(widths) if is_list else []
    if not is_list or not all(_is_whole(width, 1) for width in listed):
        raise _refused(name, listed or widths, "a list of whole numbers above 0, such as [64]")
    return [int(width) for width in listed]


def check_count(name: str, value: Any) -> int:
    """Return a whole number above 0.

    Args:
        name: of the parameter.
        value: what was given.

    Raises:
        InvalidSpecificationError: it is something else.
    """
    if not _is_whole(value, 1):
        raise _refused(name, value, "a whole number above 0")
    return int(value)


def check_fraction(name: str, value: Any) -> float:
    """Return a number from 0 to 1.

    Args:
        name: of the parameter.
        value: what was given.

    Raises:
        InvalidSpecificationError: it is something else.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not 0.0 <= value <= 1.0:
        raise _refused(name, value, "a number from 0 to 1")
    return float(value)


def check_flag(name: str, value: Any) -> bool:
    """Return true or false.

    Args:
        name: of the parameter.
        value: what was given.

    Raises:
        InvalidSpecificationError: it is something else, such as the text ``"false"``.
    """
    if not isinstance(value, bool | np.bool_):
        raise _refused(name, value, "true or false")
    return bool(value)


def check_option(name: str, value: Any, options: Sequence[Any]) -> Any:
    """Return one of several options.

    Args:
        name: of the parameter.
        value: what was given.
        options: what is accepted.

    Raises:
        InvalidSpecificationError: it is none of them; with the nearest match.
    """
    if not isinstance(value, type(options[0])):
        raise _refused(name, value, ", ".join(map(str, options)))
    if isinstance(value, bool) or value not in options:
        raise InvalidSpecificationError(f"{name}: {value!r} is not accepted; {suggest(value, options)}")
    return value


def check_weight_init(value: Any, name: str = "weight_init") -> str:
    """Return the name of a way to draw initial weights.

    Args:
        value: what was given.
        name: of the parameter.

    Raises:
        InvalidSpecificationError: there is no such way; with the nearest match.
    """
    option: str = check_option(name, value, WEIGHT_INITS)
    return option


def check_layers(name: str, values: Any, least: int = 1) -> list[int | tuple[int, ...]]:
    """Return what each layer of a convolution has: one number, or one for each axis.

    Args:
        name: of the parameter.
        values: what was given.
        least: the smallest number.

    Raises:
        InvalidSpecificationError: it is no list of such entries.
    """
    accepted = (
        f"a list with one entry for each layer, a whole number of at least {least} or a list with one for each axis"
    )
    if not isinstance(values, Sequence) or isinstance(values, str | bytes):
        raise _refused(name, values, accepted)
    made: list[int | tuple[int, ...]] = []
    for value in values:
        sizes = value if isinstance(value, Sequence) and not isinstance(value, str | bytes) else [value]
        if not sizes or not all(_is_whole(size, least) for size in sizes):
            raise _refused(name, list(values), accepted)
        made.append(int(value) if sizes is not value else tuple(int(size) for size in sizes))
    return made


_PER_LAYER = ("hidden_kernels", "hidden_strides", "hidden_dilations", "hidden_padding")


def check_length(name: str, values: Sequence[Any], n_layers: int) -> None:
    """Refuse a list that has not one entry for each layer of a convolution.

    Args:
        name: of the parameter.
        values: what was given.
        n_layers: how many channels there are.

    Raises:
        InvalidSpecificationError: it is longer or shorter.
    """
    if len(values) != n_layers:
        raise InvalidSpecificationError(
            f"{name}: {list(values)!r} has {len(values)} entries; hidden_channels has {n_layers}. Give one per layer."
        )


def check_lengths(path: str, parameters: Mapping[str, Any]) -> None:
    """Compare the lengths of lists that have one entry for each layer of a convolution.

    Args:
        path: where the parameters stand.
        parameters: values by name, each checked by itself; what is left out or null is passed over.

    Raises:
        InvalidSpecificationError: one is longer or shorter than ``hidden_channels``.
    """
    channels = parameters.get("hidden_channels")
    for name in _PER_LAYER:
        values = parameters.get(name)
        if isinstance(channels, list) and isinstance(values, list):
            check_length(f"{path}.{name}", values, len(channels))


_Check = Callable[[str, Any], object]


def _or_null(check: _Check) -> _Check:
    return lambda name, value: None if value is None else check(name, value)


def _padding(name: str, value: Any) -> object:
    return check_layers(name, value, least=0)


PARAMETERS: Mapping[str, _Check] = {
    "add_input_to_output": check_flag,
    "bias": check_flag,
    "bidirectional": check_flag,
    "convolution_dimension": lambda name, value: check_option(name, value, (1, 2, 3)),
    "dropout": check_fraction,
    "embed_dim": _or_null(check_count),
    "head_units": check_widths,
    "hidden_channels": check_widths,
    "hidden_dilations": _or_null(check_layers),
    "hidden_kernels": check_layers,
    "hidden_padding": _or_null(_padding),
    "hidden_size": check_count,
    "hidden_strides": _or_null(check_layers),
    "hidden_units": check_widths,
    "num_flatten_dims": _or_null(check_count),
    "num_heads": check_count,
    "num_layers": check_count,
    "output_units": check_count,
    "padding_mode": _or_null(lambda name, value: check_option(name, value, PADDING_MODES)),
    "stack_observations": check_flag,
    "use_batch_norm_conv": check_flag,
    "weight_init": lambda name, value: check_weight_init(value, name),
}
"""How the value of a parameter is checked; those that are not here depend on other things, such as shapes."""


def check_parameters(**parameters: Any) -> None:
    """Check the values of parameters of one block.

    Args:
        parameters: values by the names of `PARAMETERS`.

    Raises:
        InvalidSpecificationError: for the first value that is not accepted.
    """
    for name, value in parameters.items():
        PARAMETERS[name](name, value)
