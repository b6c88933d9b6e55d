"""The command `audit`: what it understands, what it refuses in one sentence, and what it ends with."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from headless_conformance import audit as audit_package
from headless_conformance.audit import AuditResult, AuditTarget, DnsServer, Options
from headless_conformance.audit.targets import TargetKind
from headless_conformance.cli.audit import audit, seconds
from headless_conformance.core.errors import UserError
from headless_conformance.core.variables import VARIABLES


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Options]]:
    """Contexts and options of the audits that would have been made."""
    found: list[tuple[str, Options]] = []

    class Recorded:
        def __init__(self, context: str, options: Options, **_: Any) -> None:
            found.append((context, options))

        def run(self) -> AuditResult:
            return AuditResult(found[-1][0])

    monkeypatch.setattr(os, "environ", {k: v for k, v in os.environ.items() if k not in VARIABLES})
    monkeypatch.setattr(audit_package, "Audit", Recorded)
    monkeypatch.setattr(audit_package, "open_access", lambda kubeconfig, context: context)
    return found


def test_words_become_options(asked: list[tuple[str, Options]]) -> None:
    status = audit(
        ["shop/db shop/svc/web"],
        context=["a", "b"],
        nameserver="10.0.0.10",
        cluster_domain="x.example",
        server=["127.0.0.1:5300", "[fd00::a]:53"],
        wait="5m",
        limit="90",
        from_pod="shop/client",
    )
    expected = Options(
        targets=(
            AuditTarget("shop", TargetKind.STATEFUL_SET, "db"),
            AuditTarget("shop", TargetKind.SERVICE, "web"),
        ),
        nameserver="10.0.0.10",
        domain="x.example",
        servers=(DnsServer("127.0.0.1", 5300), DnsServer("fd00::a", 53)),
        wait_seconds=300.0,
        limit_seconds=90.0,
        from_pod=("shop", "client"),
    )
    assert asked == [("a", expected), ("b", expected)]
    assert status == 2


def test_what_the_command_line_does_not_say_comes_from_the_settings(
    asked: list[tuple[str, Options]], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[tuple[str, str]] = []

    def opening(kubeconfig: str, context: str) -> str:
        opened.append((kubeconfig, context))
        return context

    monkeypatch.setattr(audit_package, "open_access", opening)
    os.environ |= {
        "CLUSTER_DOMAIN": "x.example",
        "CONTEXT": "two words",
        "KUBECONFIG": "a:b",
        "NAMESPACE": "shop",
        "K8S": "1.12",
    }
    audit()
    audit(context=["a"], namespace="store")
    assert opened == [("a:b", "two words"), ("a:b", "a")]
    assert [(options.namespace, options.domain) for _, options in asked] == [
        ("shop", "x.example"),
        ("store", "x.example"),
    ]


def test_the_namespace_of_a_run_is_not_what_is_audited(asked: list[tuple[str, Options]]) -> None:
    audit(["shop/db"])
    assert asked[0][1].namespace == ""


@pytest.mark.parametrize("given", [{"target": ["shop/db"]}, {"all_namespaces": True}])
def test_what_the_command_line_names_wins_over_the_namespace_of_the_environment(
    given: dict[str, Any], asked: list[tuple[str, Options]]
) -> None:
    os.environ["NAMESPACE"] = "store"
    audit(**given)
    assert [options.namespace for _, options in asked] == [""]


def test_a_context_that_leads_nowhere_costs_the_others_nothing(
    asked: list[tuple[str, Options]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def opening(kubeconfig: str, context: str) -> str:
        if context == "typo":
            raise UserError("The kubeconfig does not lead to a cluster: no typo")
        return context

    monkeypatch.setattr(audit_package, "open_access", opening)
    assert audit(["shop/db"], context=["a", "typo", "b"], output="json") == 2
    assert [context for context, _ in asked] == ["a", "b"]
    clusters = json.loads(capsys.readouterr().out)["clusters"]
    assert [(found["context"], "no typo" in found.get("problem", "")) for found in clusters] == [
        ("a", False),
        ("typo", True),
        ("b", False),
    ]
    with pytest.raises(UserError, match="no typo"):
        audit(["shop/db"], context=["typo"])


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "Name what to audit"),
        ({"target": ["shop/db"], "namespace": "shop"}, "Name what to audit"),
        ({"namespace": "shop", "all_namespaces": True}, "Name what to audit"),
        ({"target": ["db"]}, "names nothing to audit"),
        ({"namespace": "shop", "output": "xml"}, "--output xml is not known"),
        ({"namespace": "shop", "wait": "soon"}, "soon is not a duration"),
        ({"namespace": "shop", "server": ["10.0.0.10"]}, "is not a DNS server"),
        ({"namespace": "shop", "server": ["10.0.0.10:99999"]}, "is not a DNS server"),
        ({"namespace": "shop", "from_pod": "client"}, "names no Pod"),
        ({"namespace": "shop", "from_pod": "shop/client/server"}, "names no Pod"),
        ({"namespace": "shop", "nameserver": "10.96.0.10:53"}, "10.96.0.10:53 is no address"),
        ({"namespace": "shop", "nameserver": "kube-dns.kube-system"}, "is no address"),
        ({"namespace": "shop", "cluster_domain": "cluster..local"}, "is not a cluster domain"),
        ({"namespace": "shop", "context": ["a", "b"], "report": "x.yaml"}, "--report is for one cluster"),
    ],
)
def test_what_makes_no_sense_is_said_before_anything_is_asked(
    given: dict[str, Any], says: str, asked: list[tuple[str, Options]]
) -> None:
    with pytest.raises(UserError, match=says):
        audit(**given)
    assert asked == []


@pytest.mark.parametrize(("text", "value"), [("0", 0), ("90", 90), ("90s", 90), ("5m", 300), ("1h", 3600)])
def test_a_duration_has_a_unit_or_is_in_seconds(text: str, value: float) -> None:
    assert seconds(text) == value
