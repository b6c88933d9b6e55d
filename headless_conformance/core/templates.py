"""Text for people, made by Jinja templates that stand beside the module which fills them."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import jinja2


def markdown(text: str) -> str:
    """A sentence for Markdown, where `<svc>` outside code would be taken for HTML."""
    parts = text.split("`")
    parts[::2] = [part.replace("<", r"\<") for part in parts[::2]]
    return "`".join(parts)


def table_cell(text: object) -> str:
    """A value for a cell of a Markdown table, in one line."""
    return markdown(str(text)).replace("|", r"\|").replace("\n", "<br>")


@lru_cache
def _template(path: Path) -> jinja2.Template:
    """A template, compiled once: some are filled in for every test."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(path.parent),
        autoescape=path.name.endswith((".html.j2", ".svg.j2")),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"markdown": markdown, "table_cell": table_cell}
    return environment.get_template(path.name)


def render_template(path: Path, **values: Any) -> str:
    """The text of a template.

    A name that is not given is an error; a template `*.html.j2` or `*.svg.j2` escapes what it is given.
    """
    return _template(path).render(values)
