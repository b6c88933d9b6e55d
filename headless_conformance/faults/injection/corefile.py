"""The DNS servers' configuration with a scenario's changes."""

from __future__ import annotations

from collections.abc import Mapping

from headless_conformance.faults.injection.placeholders import filled
from headless_conformance.faults.model import CorefileChange

MAIN_BLOCK = "    errors\n"
"""The first line of the main server block in every kubeadm Corefile."""


def changed_corefile(text: str, change: CorefileChange, words: Mapping[str, str]) -> str:
    """A Corefile with the change. ValueError when a word to replace is not in it."""
    for old, new in change.replace.items():
        wanted = filled(old, words)
        if wanted not in text:
            raise ValueError(f"{wanted!r} is not in the Corefile")
        text = text.replace(wanted, filled(new, words))
    lines = "".join(f"    {line}\n" for line in filled(change.insert, words).splitlines())
    return text.replace(MAIN_BLOCK, MAIN_BLOCK + lines, 1)
