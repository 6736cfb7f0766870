"""Public names are documented in full: what they do, each argument, what comes back, and what can go wrong."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import maze

PUBLIC = {name: getattr(maze, name) for name in maze.__all__}
CLASSES = {name: thing for name, thing in PUBLIC.items() if inspect.isclass(thing)}
FUNCTIONS = {name: thing for name, thing in PUBLIC.items() if inspect.isfunction(thing)}
FULLY = {
    **FUNCTIONS,
    **{
        f"RunContext.{name}": inspect.unwrap(getattr(method, "__func__", method))
        for name, method in vars(maze.RunContext).items()
        if not name.startswith("_") and (inspect.isfunction(method) or isinstance(method, classmethod))
    },
}


def documented(doc: str, section: str) -> list[str]:
    """Return the names that a section of a docstring explains."""
    if f"{section}:" not in doc:
        return []
    lines = inspect.cleandoc(doc).split(f"{section}:\n")[1].splitlines()
    block = [
        line for line in lines[: next((n for n, line in enumerate(lines) if line[:1].strip()), len(lines))] if line
    ]
    return [
        name.strip(" *`")
        for line in block
        if line.startswith("    ") and not line.startswith("     ") and ":" in line
        for name in line.partition(":")[0].split(",")
    ]


def arguments(function: Callable[..., Any]) -> list[str]:
    """Return the names of the arguments that a caller gives."""
    return [name for name in inspect.signature(function).parameters if name not in {"self", "cls"}]


def raised(function: Callable[..., Any]) -> Iterator[str]:
    """Yield the classes of errors that stand in ``raise`` statements of a function."""
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function)))):
        call = node.exc if isinstance(node, ast.Raise) else None
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id.endswith("Error"):
            yield call.func.id


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_begins_with_what_it_is_for(name: str) -> None:
    doc = inspect.getdoc(PUBLIC[name]) or ""
    summary = doc.splitlines()[0]
    assert len(summary) > 10
    assert summary.endswith((".", ":"))
    assert not summary.startswith(f"{name}(")  # what a dataclass without a docstring says


@pytest.mark.parametrize("name", FULLY)
def test_a_function_explains_arguments_result_and_errors(name: str) -> None:
    function = FULLY[name]
    doc = inspect.getdoc(function) or ""
    assert [argument for argument in arguments(function) if argument not in documented(doc, "Args")] == []
    result = inspect.signature(function).return_annotation
    if result not in {None, "None"} and "Self" not in str(result):
        assert "Returns:" in doc or doc.startswith("Return")
    for error in raised(function):
        assert error in doc


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_explains_its_arguments_and_methods(name: str) -> None:
    cls = CLASSES[name]
    docs = "\n\n".join(
        inspect.cleandoc(base.__doc__ or "") for base in cls.__mro__ if base.__module__.startswith("maze")
    )
    if cls.__module__.startswith("maze") and "__init__" in vars(cls) and not issubclass(cls, Exception):
        if dataclasses.is_dataclass(cls):
            wanted = [field.name for field in dataclasses.fields(cls) if not field.name.startswith("_")]
        elif getattr(cls, "_is_protocol", False):
            wanted = []
        else:
            wanted = arguments(cls.__init__)
        explained = [
            item
            for base in cls.__mro__
            for section in ("Args", "Attributes")
            for item in documented(base.__doc__ or "", section)
        ]
        assert [argument for argument in wanted if argument not in explained] == [], docs
    for method_name, method in vars(cls).items():
        function = method.fget if isinstance(method, property) else method
        if not method_name.startswith("_") and inspect.isfunction(function):
            doc = inspect.getdoc(getattr(cls, method_name)) or ""
            assert doc.strip(), f"{name}.{method_name} has no docstring"
            missing = [item for item in arguments(function) if item not in doc]
            assert "Args:" not in doc or not missing, f"{name}.{method_name} does not explain {missing}"
