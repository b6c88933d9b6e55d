"""Running one test on several StatefulSets: those of a document and, where it only looks, the person's
(TARGET=)."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from headless_conformance.plugin.context import RUN

OWN_SET = "own_set"
"""The fixture with the person's StatefulSet."""
_ORDINALS = "ordinals"
"""The argument of a test that looks at each Pod of a set: one test for each Pod of a document's set, and one
for all of the person's, whose number is not known beforehand."""


def parametrize_sets(
    metafunc: pytest.Metafunc, argument: str, sets: Sequence[str], ordinals: Sequence[int], *, own: bool
) -> None:
    """Run a test that has this argument on each of these sets (names of fixtures), which have Pods with these
    ordinals, and with `own` on the person's where every requirement that it stands for is `read_only`."""
    if argument not in metafunc.fixturenames:
        return
    by_pod = _ORDINALS in metafunc.fixturenames
    names = (argument, _ORDINALS) if by_pod else (argument,)
    cases = [
        pytest.param(name, *pods, id="-".join([name, *(f"pod-{ordinal}" for ordinal in pods)]))
        for name in sets
        for pods in ([[ordinal] for ordinal in ordinals] if by_pod else [[]])
    ]
    target = metafunc.config.stash[RUN].settings.target.statefulset
    if own and target and _only_looks(metafunc):
        cases.append(pytest.param(OWN_SET, *([None] if by_pod else []), id=target))
    metafunc.parametrize(names, cases, indirect=True)


def _only_looks(metafunc: pytest.Metafunc) -> bool:
    """Whether all requirements that a test would stand for there, those of its parameters included, can be
    seen without a change."""
    documents = metafunc.config.stash[RUN].documents
    marks = list(metafunc.definition.iter_markers("requirement"))
    for parameters in metafunc.definition.iter_markers("parametrize"):
        marks += [mark for case in parameters.args[1] for mark in getattr(case, "marks", ())]
    names = [name for mark in marks if mark.name == "requirement" for name in mark.args]
    return bool(names) and all(documents.requirement(name).read_only for name in names)


def runs_on_own_set(item: pytest.Item) -> bool:
    """Whether this run of a test is about the person's StatefulSet."""
    return OWN_SET in getattr(getattr(item, "callspec", None), "params", {}).values()
