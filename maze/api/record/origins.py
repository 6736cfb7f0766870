"""Where a run was made: Python, machine, packages, code and git, written down so that another place can be compared."""

from __future__ import annotations

import functools
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import threadpoolctl

import maze
from maze.artifacts import write_text
from maze.tracking import Lineage, code_digest, environment_lock, installed_version, public_version

__all__ = ["consequence", "describe_environment", "environment_differences", "write_environment"]

_PATCH = "repro/uncommitted.patch"


def describe_environment(lineage: Lineage, *, torch_threads: int) -> dict[str, Any]:
    """Return everything about this place on which a run's bits may depend, as plain values.

    Args:
        lineage: git commit and patch, as collected for the run.
        torch_threads: how many threads the configuration gives torch.
    """
    tags = lineage.tags
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cpu": _cpu_model(),
        "cpu_count": os.cpu_count(),
        "threads": {"torch": torch_threads, "pools": _thread_pools()},
        "git": {
            "commit": tags.get("git.commit", "unknown"),
            "dirty": tags.get("git.dirty", "false"),
            "patch_sha256": tags.get("git.patch_sha256", ""),
        },
        "code_sha256": _package_digest(),
        "packages": _packages(),
    }


def _packages() -> dict[str, str]:
    """Return the version of every installed package, that of torch with its build, on which its rounding depends."""
    found = dict(line.split("==", 1) for line in environment_lock().splitlines())
    build = installed_version("torch")
    return found if build is None else {**found, "torch": build}


@functools.cache
def _package_digest() -> str:
    """Return the hash of the code of this package."""
    return code_digest([Path(maze.__file__).parent])


@functools.cache
def _cpu_model() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    names = [line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _thread_pools() -> dict[str, str]:
    """Return the libraries for linear algebra and threads that are loaded now: name to version and kernel.

    How many threads they use is left out: while training, that is what the configuration says.
    """
    pools = {}
    for pool in threadpoolctl.threadpool_info():
        name = f"{pool.get('user_api')}.{pool.get('prefix') or pool.get('internal_api')}"
        details = (pool.get("version"), pool.get("architecture"), pool.get("threading_layer"))
        pools[name] = " ".join(str(detail) for detail in details if detail)
    return dict(sorted(pools.items()))


def write_environment(directory: Path, environment: Mapping[str, Any], lineage: Lineage) -> None:
    """Write ``environment.txt``, which pip can install from, and ``uncommitted.patch`` where there is one.

    Args:
        directory: the run's directory.
        environment: what :func:`describe_environment` returned.
        lineage: holds the patch.
    """
    facts = {name: value for name, value in environment.items() if name != "packages"}
    lines = [f"# {name}: {value}" for name, value in _flat(facts).items()]
    packages = environment["packages"]
    lines += [f"# build of {name}: {version}" for name, version in packages.items() if "+" in version]
    lines += [f"{name}=={public_version(version)}" for name, version in packages.items()]  # of any index
    write_text(directory / "environment.txt", "\n".join(lines) + "\n")
    patch = lineage.artifacts.get(_PATCH)
    if patch is not None:
        write_text(directory / "uncommitted.patch", patch)


def environment_differences(recorded: Mapping[str, Any], present: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return what differs between two places: name to the recorded and the present value, None where there is none.

    Args:
        recorded: what :func:`describe_environment` returned when the run was made.
        present: what it returns now.
    """
    before, now = _flat(recorded), _flat(present)
    names = dict.fromkeys([*before, *now])
    return {name: (before.get(name), now.get(name)) for name in names if before.get(name) != now.get(name)}


def consequence(name: str, before: Any, now: Any) -> str:
    """Say what it means for results that a package was built otherwise; "" for any other difference.

    Args:
        name: what differs, as :func:`environment_differences` calls it.
        before: the recorded value.
        now: the present value.
    """
    versions = isinstance(before, str) and isinstance(now, str) and name.startswith("packages.")
    if not versions or public_version(before) != public_version(now):
        return ""
    if "+" not in before:
        return "the record names no build; if it was another, results may differ, since builds round differently"
    return "another build of the same version, which rounds differently, so that results may differ"


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return flat
