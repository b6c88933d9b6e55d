"""`headless-conformance audit`: StatefulSets and headless Services of a cluster, judged without changing
anything."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from headless_conformance.cli.options import argument
from headless_conformance.core.errors import UserError
from headless_conformance.core.validation import OBJECT_NAME

if TYPE_CHECKING:
    from headless_conformance.audit import DnsServer

DURATION = re.compile(r"^(?P<number>\d+)(?P<unit>[smh]?)$")
UNIT_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}
FORMATS = ("text", "yaml", "json", "junit")
LIMIT = "3m"
PROBE_IMAGE = "registry.k8s.io/e2e-test-images/agnhost:2.53"
"""Kubernetes' own image for tests of DNS."""

TargetWords = Annotated[
    Optional[list[str]],  # noqa: UP045
    argument("TARGET"),
]
Contexts = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option(
        "--context",
        show_default=False,
        help=(
            "a context of the kubeconfig; several are audited one after the other; default: the current "
            "one (CONTEXT)"
        ),
    ),
]
Servers = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option(
        help="ask this DNS server from here, ADDRESS:PORT, in place of those of the cluster; may be repeated"
    ),
]


def _option(*names: str, **settings: Any) -> Any:
    """An option without a default in its help, since the sentence has it."""
    return typer.Option(*names, show_default=False, **settings)


def audit(
    target: TargetWords = None,
    namespace: Annotated[str, _option("--namespace", "-n", help="everything in it (NAMESPACE)")] = "",
    all_namespaces: Annotated[
        bool, _option("--all-namespaces", "-A", help="everything in every namespace")
    ] = False,
    context: Contexts = None,
    nameserver: Annotated[
        str, _option("--nameserver", help="the address that Pods ask; default: found out")
    ] = "",
    cluster_domain: Annotated[
        str,
        _option("--cluster-domain", "--domain", help="the domain; default: found out (CLUSTER_DOMAIN)"),
    ] = "",
    server: Servers = None,
    wait: Annotated[
        str, _option("--wait", help="wait this long for sets that are on their way, such as 5m")
    ] = "0",
    limit: Annotated[str, _option("--limit", help=f"end after this time; default: {LIMIT}")] = LIMIT,
    ask_absent: Annotated[
        bool,
        _option(
            "--ask-absent",
            help="also ask for names that must not exist, where servers keep denials for a while",
        ),
    ] = False,
    from_pod: Annotated[
        str,
        _option("--from-pod", help="also ask from this running Pod, NAMESPACE/POD, with what its image has"),
    ] = "",
    probe: Annotated[bool, _option("--probe", help="create a Pod, ask from it too, and remove it")] = False,
    probe_image: Annotated[
        str,
        _option("--probe-image", help=f"its image, with sleep, sh, dig and getent; default: {PROBE_IMAGE}"),
    ] = PROBE_IMAGE,
    report: Annotated[
        str, _option("--report", help="also write a conformance.yaml there, for the command compare")
    ] = "",
    allure: Annotated[
        str,
        _option("--allure", help="also add Allure results to this folder, for the command report"),
    ] = "",
    output: Annotated[str, _option("--output", "-o", help=f"{', '.join(FORMATS)}; default: text")] = "text",
) -> int:
    """Print what is right, what is wrong and who is to blame.

    Exit status 0 when everything that was looked at is right, 1 when something that must hold does not, and 2
    when it could not be told.
    """
    from headless_conformance.audit import Audit, AuditResult, Options, open_access, parse, status_of_all
    from headless_conformance.audit.allure_results import write_allure_results
    from headless_conformance.audit.formats import render
    from headless_conformance.audit.report import report_of
    from headless_conformance.core.settings import from_env
    from headless_conformance.requirements.documents import load_documents
    from headless_conformance.results.report_file import write_report

    if output not in FORMATS:
        raise UserError(f"--output {output} is not known; use one of {', '.join(FORMATS)}.")
    if report and len(context or []) > 1:
        raise UserError("--report is for one cluster; name one --context.")
    # It judges a cluster of whatever version.
    settings = from_env({**os.environ, "K8S": ""})
    targets = tuple(parse(word) for words in target or () for word in words.split())
    if not targets and not all_namespaces:
        namespace = namespace or settings.asked_namespace
    if len([given for given in (targets, namespace, all_namespaces) if given]) != 1:
        raise UserError(
            "Name what to audit: NAMESPACE/STATEFULSET, NAMESPACE/svc/SERVICE, --namespace or "
            "--all-namespaces."
        )
    options = Options(
        targets=targets,
        namespace=namespace,
        all_namespaces=all_namespaces,
        nameserver=_nameserver(nameserver),
        domain=_domain(cluster_domain or settings.network.domain),
        servers=tuple(map(_server, server or ())),
        wait_seconds=seconds(wait),
        limit_seconds=seconds(limit),
        ask_absent=ask_absent,
        from_pod=_pod(from_pod),
        probe_image=probe_image if probe else "",
    )
    results = []
    for name in (names := context or [settings.target.context]):
        try:
            access = open_access(settings.target.kubeconfig, name)
        except UserError as error:
            # The results of the other clusters are worth as much without this one.
            if len(names) == 1:
                raise
            results.append(AuditResult(name, problem=str(error), started=time.time()))
            continue
        results.append(Audit(access, options, say=_teller()).run())
    sys.stdout.write(render(results, output))
    if report:
        write_report(report_of(results[0], load_documents()), Path(report))
    if allure:
        write_allure_results(results, Path(allure))
    return status_of_all(results)


def seconds(text: str) -> float:
    """A duration such as `90`, `90s`, `5m` or `1h`. UserError for anything else."""
    found = DURATION.match(text)
    if not found:
        raise UserError(f"{text} is not a duration; write it like 90s or 5m.")
    return float(found["number"]) * UNIT_SECONDS[found["unit"]]


def _nameserver(text: str) -> str:
    try:
        return str(ip_address(text)) if text else ""
    except ValueError:
        raise UserError(
            f"--nameserver {text} is no address; write it like 10.96.0.10, and see --server for a port."
        ) from None


def _domain(text: str) -> str:
    import dns.exception
    import dns.name

    try:
        dns.name.from_text(text)
    except dns.exception.DNSException as error:
        raise UserError(f"{text} is not a cluster domain: {error}; write it like cluster.local.") from None
    return text


def _server(text: str) -> DnsServer:
    from headless_conformance.audit import DnsServer

    address, _, port = text.rpartition(":")
    if not address or not port.isdecimal() or not 0 < int(port) < 65536:
        raise UserError(f"{text} is not a DNS server; write it like 10.0.0.10:53 or [fd00::a]:53.")
    return DnsServer(address.strip("[]"), int(port))


def _pod(text: str) -> tuple[str, str] | None:
    namespace, _, name = text.partition("/")
    if text and not (re.fullmatch(OBJECT_NAME, namespace) and re.fullmatch(OBJECT_NAME, name)):
        raise UserError(f"--from-pod {text} names no Pod; write NAMESPACE/POD.")
    return (namespace, name) if text else None


def _teller() -> Callable[[str], None]:
    """Progress with the seconds since the beginning; what repeats itself is said once."""
    begun, last = time.monotonic(), [""]

    def say(text: str) -> None:
        if text != last[0]:
            last[0] = text
            print(f"[{time.monotonic() - begun:5.1f} s] {text}", file=sys.stderr, flush=True)

    return say
