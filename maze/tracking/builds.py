"""Versions of installed packages with their builds, without importing any of the packages."""

from __future__ import annotations

import importlib.metadata
import re
from pathlib import Path

__all__ = ["installed_version", "public_version"]

_VERSION = re.compile(r"^__version__\s*=\s*['\"]([^'\"]+)['\"]", re.MULTILINE)


def installed_version(name: str) -> str | None:
    """Return the version of an installed package, for example ``"2.13.0+cpu"``.

    What pip noted may leave the build out, as it does for the packages of torch that come from PyPI; then the file
    ``version.py`` of the package is read.

    Args:
        name: of the distribution, which is that of the package, too.

    Returns:
        The version, or None where it is not installed.
    """
    try:
        distribution = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return None
    version = distribution.version
    if "+" in version:
        return version
    try:
        text = Path(str(distribution.locate_file(f"{name}/version.py"))).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return version
    found = _VERSION.search(text)
    return found[1] if found and public_version(found[1]) == version else version


def public_version(version: str) -> str:
    """Return a version without its build: ``"2.13.0"`` for ``"2.13.0+cpu"``."""
    return version.partition("+")[0]
