"""What a rule of a cluster refuses is told from what an account may not do, and from what is too early."""

from __future__ import annotations

import pytest

from headless_conformance.cluster.refusals import refusal_in

QUOTA = (
    'Error from server (Forbidden): pods "dns-test" is forbidden: failed quota: team: must specify '
    "requests.cpu for: dns-test"
)


@pytest.mark.parametrize(
    "said",
    [
        QUOTA,
        'pods "a" is forbidden: exceeded quota: team, requested: pods=1, used: pods=3, limited: pods=3',
        'pods "a" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false',
        'admission webhook "rules.example" denied the request: no team label',
        "ValidatingAdmissionPolicy 'teams' with binding 'teams' denied request: no team label",
    ],
)
def test_what_a_rule_refuses_is_told_in_its_words(said: str) -> None:
    assert refusal_in(f"All commands and output will be recorded.\n{said}\n") == said


@pytest.mark.parametrize(
    "said",
    [
        'pods is forbidden: User "runner" cannot create resource "pods" in API group ""',
        'pods "a" is forbidden: unable to create new content in namespace x because it is being terminated',
        'pods "a" is forbidden: error looking up service account x/default: serviceaccount not found',
        'Service "db" is invalid: spec.clusterIP: Invalid value: "none"',
        "",
    ],
)
def test_everything_else_is_no_refusal_of_a_rule(said: str) -> None:
    assert refusal_in(said) == ""
