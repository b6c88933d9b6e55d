"""What the wheel has beside the package: the files that lie at the top of a checkout, below the package.

An editable installation finds them in the checkout and gets no copies.
"""

from __future__ import annotations

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class DataOfPackage(BuildHookInterface):  # type: ignore[type-arg]
    """Maps each path that pyproject.toml lists as `data` to the folder that `core/paths.py` looks into."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """`version` is `standard` or `editable`."""
        if version == "standard":
            places = {path: f"headless_conformance/data/{path}" for path in self.config["data"]}
            build_data["force_include"].update(places)
