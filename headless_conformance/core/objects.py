"""An object of the Kubernetes API, as JSON has it."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]
