"""What kubectl says when the API server has not answered, which is no observation of a promise."""

from __future__ import annotations

import pytest

from headless_conformance.cluster.kube import UNREACHABLE, CommandResult, main_container
from headless_conformance.core.mismatch import Mismatch


@pytest.mark.parametrize(
    "said",
    [
        "The connection to the server 127.0.0.1:6443 was refused - did you specify the right host or port?",
        "Unable to connect to the server: EOF",
        'Error from server (Forbidden): services "a" is forbidden: User "a" cannot get resource "services"',
        "error: unexpected EOF",
    ],
)
def test_no_answer_is_no_observation(said: str) -> None:
    assert UNREACHABLE.search(said)


@pytest.mark.parametrize(
    "said",
    [
        'Error from server (NotFound): services "a" not found',
        'error: strict decoding error: unknown field "spec.ServiceName"',
        "The Service is forbidden: ValidatingAdmissionPolicy 'a' with binding 'a' denied request",
    ],
)
def test_a_refusal_is_an_observation(said: str) -> None:
    assert not UNREACHABLE.search(said)


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [({}, "mesh"), ({"kubectl.kubernetes.io/default-container": "mysql"}, "mysql")],
    ids=["the first", "the one that is named"],
)
def test_the_main_container_is_the_one_that_kubectl_takes(annotations: dict[str, str], expected: str) -> None:
    pod = {
        "metadata": {"annotations": annotations},
        "spec": {"containers": [{"name": "mesh"}, {"name": "mysql"}]},
    }
    assert main_container(pod) == expected


def test_a_command_that_must_succeed_says_why_it_did_not() -> None:
    CommandResult("kubectl get svc", 0, "rows", "a warning").require_success()
    with pytest.raises(Mismatch) as caught:
        CommandResult("kubectl get svc", 1, "", "Error from server: no\n").require_success()
    seen = caught.value.observation
    assert (seen.subject, seen.expected, seen.observed) == (
        "kubectl get svc: exit status",
        "0",
        "1: Error from server: no",
    )
