"""What the API server refuses, and what kubectl says when it has not answered, which is no observation of a
promise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from kubernetes.client.exceptions import ApiException

from headless_conformance.cluster.kube import UNREACHABLE, CommandResult, Kube, main_container
from headless_conformance.cluster.outages import Outages
from headless_conformance.core.mismatch import Mismatch
from tests.cluster.api_stand_in import ApiStandIn, serving, write_kubeconfig


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


class ExpiringWatch(ApiStandIn):
    """Ends a watch of Pods with an ERROR event, as a server does whose history does not go back so far."""

    def answer(self, path: str) -> tuple[int, Any]:
        if "watch=True" in path:
            status = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}
            return 200, {"type": "ERROR", "object": status}
        return super().answer(path)


def test_a_watch_that_the_server_ends_with_an_error_is_over(tmp_path: Path) -> None:
    with serving(ExpiringWatch()) as port:
        kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", port)
        kube = Kube(kubeconfig, Path("kubectl"), Outages(tmp_path, kubeconfig, kubelets=False))
        assert list(kube.watch("Pod", "default", "web-0", 5)) == []


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


@pytest.mark.parametrize(
    ("said", "observed"),
    [
        ("Error from server: no", "1"),
        ('Error from server (NotFound): services "a" not found', "1 NotFound"),
        ('The Service "a" is invalid: spec.ports: Required value', "1 Invalid"),
        ("nslookup: can't resolve 'a'", "1"),
    ],
)
def test_a_command_that_must_succeed_says_why_it_did_not(said: str, observed: str) -> None:
    CommandResult("kubectl get svc", 0, "rows", "a warning").require_success()
    with pytest.raises(Mismatch) as caught:
        CommandResult("kubectl get svc", 1, "", f"{said}\n").require_success()
    seen = caught.value.observation
    assert (seen.subject, seen.expected, seen.observed) == ("kubectl get svc: exit status", "0", observed)
    assert said in seen.details


@pytest.mark.parametrize(
    ("refusal", "asked"),
    [
        ('pods "a" is forbidden: error looking up service account b/default: not found', 2),
        ('pods "a" is forbidden: violates PodSecurity "restricted:latest"', 1),
    ],
)
def test_a_pod_waits_for_the_service_account_of_a_new_namespace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusal: str, asked: int
) -> None:
    answers: list[Any] = [ApiException(status=403, reason=refusal), {"kind": "Pod"}]
    paths: list[str] = []

    def request(_: Kube, _method: str, path: str, _body: object) -> Any:
        paths.append(path)
        answer = answers.pop(0)
        if isinstance(answer, ApiException):
            raise answer
        return answer

    monkeypatch.setattr(Kube, "request", request)
    kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", 1)
    kube = Kube(kubeconfig, Path(), Outages(tmp_path, kubeconfig, kubelets=False))
    if asked == 1:
        with pytest.raises(ApiException, match="PodSecurity"):
            kube.create("b", {"kind": "Pod"})
    else:
        assert kube.create("b", {"kind": "Pod"}) == {"kind": "Pod"}
    assert paths == ["/api/v1/namespaces/b/pods"] * asked
