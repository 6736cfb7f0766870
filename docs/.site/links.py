"""Makes links of pages to the project's other files lead somewhere: the files become part of the site."""

from __future__ import annotations

import logging
import posixpath
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from mkdocs.structure.files import File, Files

_LINK = re.compile(r"(\]\()((?:\.\./)+[^)#\s]+|decisions/)(?=[)#\s])")
_HREF = re.compile(r'<a\b[^>]*\shref="([^"#?:]+)[#?"]')
_log = logging.getLogger("mkdocs.hooks.links")
_ROOT = Path(__file__).resolve().parents[2]


def on_files(files: Files, config: Any) -> Files:
    """Add the files outside of docs/ that pages link to."""
    for page in list(files.documentation_pages()):
        for _, link in _LINK.findall(page.content_string):
            target = _outside(link, page.src_uri)
            if target and files.get_file_from_path(target) is None:
                files.append(File.generated(config, target, abs_src_path=str(_ROOT / target)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Write links to those files as the site knows them."""

    def replace(match: re.Match[str]) -> str:
        target = _outside(match[2], page.file.src_uri)
        here = posixpath.dirname(page.file.src_uri)
        return match[0] if target is None else match[1] + posixpath.relpath(target, here or ".")

    return _LINK.sub(replace, markdown)


def on_post_build(config: Any, **_: Any) -> None:
    """Warn of links of the finished site that lead to no file of it, at which a strict build fails."""
    site = Path(config["site_dir"])
    for page in sorted(site.rglob("*.html")):
        for link in sorted(set(_HREF.findall(page.read_text(encoding="utf-8")))):
            start = site if link.startswith("/") else page.parent
            target = start / unquote(link).lstrip("/")
            if not (target / "index.html" if target.is_dir() else target).is_file():
                _log.warning("%s: the link %s leads nowhere", page.relative_to(site), link)


def _is_shown(item: Path) -> bool:
    """Return whether the site can show a file of a folder: of hidden ones it makes none."""
    return item.is_file() and item.name != "__init__.py" and not item.name.startswith(".")


def _outside(link: str, page: str) -> str | None:
    """Return the file of the project that a link means, its README or first file for a folder; None within docs/."""
    path = posixpath.normpath(posixpath.join("docs", posixpath.dirname(page), link))
    place = _ROOT / path
    if place.is_dir():
        inside = sorted(item for item in place.iterdir() if _is_shown(item))
        place = next((item for item in inside if item.suffix == ".md"), inside[0])
    elif path.startswith("docs/"):
        return None
    if not place.is_file():  # left as it is, for the strict build to complain of
        return None
    name = place.relative_to(_ROOT).as_posix()
    return name.removeprefix("docs/")
