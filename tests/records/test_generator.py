"""Generated namespaces have all shapes, and the comparison with them finds every error that is planted in
the model."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from headless_conformance.records import AnswerData, Question, zone_of
from tests.records.generator import DOMAIN, Namespace, namespaces
from tests.records.mutants import MUTANTS, Mutant, Truth, is_found
from tests.records.questions import questions
from tests.records.reference_controller import slices_of
from tests.records.reference_server import ReferenceServer
from tests.records.shapes import LEAST_SHARE, View, counts

SEED = 1
COUNT = 150
LEAST_MUTANTS = 20


@pytest.fixture(scope="module")
def made() -> list[Namespace]:
    """Namespaces in which the slices of Pods are written too."""
    found = namespaces(SEED, COUNT)
    for namespace in found:
        for service in namespace.services:
            namespace.slices += slices_of(service, namespace.pods)
    return found


@pytest.fixture(scope="module")
def truth(made: list[Namespace]) -> Truth:
    return SimpleNamespace(
        services=[service for namespace in made for service in namespace.services],
        slices=[found for namespace in made for found in namespace.slices],
        pods=[pod for namespace in made for pod in namespace.pods],
    )


@pytest.fixture(scope="module")
def answers(made: list[Namespace], truth: Truth) -> dict[Question, AnswerData]:
    server = ReferenceServer(truth.services, truth.slices, DOMAIN)
    zone = zone_of(truth.services, truth.slices, domain=DOMAIN)
    return {
        question: server.ask(question) for question in questions(zone, [namespace.name for namespace in made])
    }


def test_every_shape_is_in_enough_namespaces(made: list[Namespace]) -> None:
    found = counts(View(namespace.services, namespace.slices, namespace.pods) for namespace in made)
    assert {shape: number for shape, number in found.items() if number < LEAST_SHARE * COUNT} == {}


def test_a_seed_gives_the_same_namespaces_however_many_are_made() -> None:
    assert namespaces(SEED, 5) == namespaces(SEED, 10)[:5]
    assert namespaces(SEED, 5) != namespaces(SEED + 1, 5)


def test_there_are_enough_mutants_of_different_names() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= LEAST_MUTANTS


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_planted_error_is_found(mutant: Mutant, truth: Truth, answers: dict[Question, AnswerData]) -> None:
    assert is_found(mutant, truth, answers)


@pytest.mark.parametrize("of_endpoints", [False, True])
def test_nothing_is_found_where_nothing_is_planted(
    of_endpoints: bool, truth: Truth, answers: dict[Question, AnswerData]
) -> None:
    harmless = Mutant("none", SimpleNamespace(x=0), "x", 0, of_endpoints)
    assert not is_found(harmless, truth, answers)
