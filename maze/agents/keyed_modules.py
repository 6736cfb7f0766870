"""Modules by the keys of observations and actions, whatever those are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch import nn

__all__ = ["KeyedModules", "module_name"]


class KeyedModules(nn.Module):
    """A mapping of modules whose keys may be any text: keys of nested spaces have full stops, which torch refuses.

    In state dictionaries a full stop of a key is a slash: ``heads.arm/joint.weight``.

    Args:
        modules: by key.
    """

    def __init__(self, modules: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self._names: dict[str, str] = {}
        for key, module in modules.items():
            name = module_name(key)
            while hasattr(self, name):  # such as keys and training
                name += "_"
            self._names[key] = name
            self.add_module(name, module)

    def __getitem__(self, key: str) -> nn.Module:
        module = self._modules[self._names[key]]
        if module is None:
            raise KeyError(key)
        return module

    def __contains__(self, key: object) -> bool:
        return key in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def keys(self) -> list[str]:
        """Return the keys in their order."""
        return list(self._names)

    def values(self) -> list[nn.Module]:
        """Return the modules in the order of the keys."""
        return list(self._modules.values())  # type: ignore[arg-type]

    def items(self) -> list[tuple[str, nn.Module]]:
        """Return keys and modules."""
        return list(zip(self._names, self.values(), strict=True))


def module_name(key: str) -> str:
    """Return a name that torch accepts for a key: a slash for every full stop."""
    return key.replace(".", "/") or "_"
