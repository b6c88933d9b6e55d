"""One audit of one cluster, from the first request to the result. Changes nothing there, and always comes to
its end."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from headless_conformance.audit.access import Access
from headless_conformance.audit.blame import (
    denial_findings,
    findings_of,
    server_findings,
    ttl_findings,
)
from headless_conformance.audit.channels import Channel, ForwardChannel, TcpChannel
from headless_conformance.audit.checks import OF_DNS, OF_RECORDS, Check
from headless_conformance.audit.contact import first_question, greet
from headless_conformance.audit.dialogue import Connect, Dialogue
from headless_conformance.audit.discovery import DiscoveredServers, find_servers
from headless_conformance.audit.errors import InspectionError, MissingRightError, UnreachableApiError
from headless_conformance.audit.findings import AuditResult, Finding, Note, NoteKind
from headless_conformance.audit.inside_dialogue import InsideDialogue
from headless_conformance.audit.inside_findings import inside_findings
from headless_conformance.audit.inside_pod import open_pod
from headless_conformance.audit.observation import ObservedTargets
from headless_conformance.audit.options import Options
from headless_conformance.audit.over_udp import blamed_over_udp
from headless_conformance.audit.parallel import side_by_side
from headless_conformance.audit.plan import Plan
from headless_conformance.audit.probe import ProbePod
from headless_conformance.audit.resolver import Resolver, find_resolver
from headless_conformance.audit.server_state import Difference
from headless_conformance.audit.servers import DnsServer
from headless_conformance.audit.targets import AuditTarget
from headless_conformance.audit.verdicts import merged, target_results, write_dns_outcomes
from headless_conformance.results.verdict import Outcome

_GRACE_SECONDS = 5.0
"""Beyond the limit, for what is under way to end by its own timeouts."""
_GIVE = "see --nameserver and --cluster-domain"
KUBECTL = re.compile(r"\bkubectl\b(?= -n )")


class Audit:
    """One run. `connect` leads to a DNS server; by default through a port-forward, or directly where it is no
    Pod."""

    def __init__(
        self,
        access: Access,
        options: Options,
        *,
        connect: Connect | None = None,
        say: Callable[[str], None] = lambda text: None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.result = AuditResult(context=access.context, server=access.server, started=time.time())
        self._access = access
        self._options = options
        self._connect = connect or self._channel
        self._say = say
        self._pause = pause
        self._begun = time.monotonic()
        self._until = self._begun + options.limit_seconds + options.wait_seconds
        self._observed = ObservedTargets(access, options, self._until, say, pause)
        self._findings: list[Finding] = []
        self._caches: list[str] = []
        self._probe: ProbePod | None = None
        self._addresses: list[str] = []
        """Name servers' addresses that are known to lead to the cluster's DNS."""

    def run(self) -> AuditResult:
        """Everything. Never raises because of the cluster, and never takes longer than the limit and a few
        seconds."""
        try:
            outcome = side_by_side({"audit": self._run}, self._until + _GRACE_SECONDS)["audit"]
        finally:
            self._remove_probe()
        result = replace(self.result) if isinstance(outcome, TimeoutError) else self.result
        if isinstance(outcome, TimeoutError):
            result.problem = f"the audit did not end within {self._options.limit_seconds:.0f} s"
        elif isinstance(outcome, InspectionError):
            result.problem = outcome.reason
        elif isinstance(outcome, Exception):
            result.problem = f"the audit broke: {type(outcome).__name__}: {outcome}"
        self._write_results(result)
        result.requests = self._access.requests
        result.seconds = time.monotonic() - self._begun
        return result

    def _run(self) -> None:
        self._say(f"context {self._access.context} ({self._access.server})")
        self._learn_version()
        self._observed.find()
        self._observed.wait_for_sets(self._begun + self._options.wait_seconds - time.monotonic())
        self._observed.wait_for_controllers()
        for judged in self._observed.judged:
            self._say(f"{judged.target}: {judged.state.text}")
        if self._observed.asked:
            self._ask_servers()

    def _learn_version(self) -> None:
        try:
            self.result.version, self._observed.version = self._access.server_version()
        except UnreachableApiError:
            raise
        except InspectionError as error:
            self.result.notes.append(f"the version of Kubernetes is not known: {error.reason}")

    def _ask_servers(self) -> None:
        try:
            resolver, found = self._find_dns()
        except UnreachableApiError:
            raise
        except InspectionError as error:
            self._dns_is_not_judged(f"{error.reason}; {_GIVE}", Outcome.ERROR)
            return
        self.result.notes += [resolver.note] if resolver.note else []
        self.result.notes += found.notes
        self._addresses = found.addresses
        lacking = found.problem or ("" if resolver.domain else "the cluster domain is not known")
        if lacking:
            reasons = "; ".join([lacking, *resolver.problems])
            self._dns_is_not_judged(f"{reasons}; {_GIVE}", Outcome.NOT_SUPPORTED)
            return
        self._observed.wait_for_young()
        self._say(f"{len(found.servers)} DNS servers: {', '.join(map(str, found.servers))}")
        plan = self._observed.plan(resolver.domain)
        given = bool(self._options.domain or self._options.servers)
        greeted = greet(self._connect, found, resolver.domain, plan, self._until, given=given)
        if any(server.pod for server in greeted.silent):
            self._access.require_answer()
        servers, silent = greeted.servers, greeted.silent
        self.result.notes += greeted.notes
        for server, problem in silent.items():
            self._say(f"DNS server {server}: {problem.reason}")
        self.result.dns_servers = [str(server) for server in found.servers]
        self._findings += server_findings(
            silent,
            found.without_tcp,
            first_question(resolver.domain),
            self._asked_targets(),
            everyone=not servers and len(silent) > 1,
        )
        if not servers:
            refused = all(isinstance(problem, MissingRightError) for problem in silent.values())
            reason = "; ".join(dict.fromkeys(problem.reason for problem in silent.values()))
            self._dns_is_not_judged(reason, Outcome.NOT_SUPPORTED if refused else Outcome.ERROR)
            return
        self._caches = found.caches
        self._talk(servers, plan, resolver.domain)

    def _asked_targets(self) -> frozenset[AuditTarget]:
        return frozenset(judged.target for judged in self._observed.asked)

    def _find_dns(self) -> tuple[Resolver, DiscoveredServers]:
        """Name server, domain and servers, as far as they can be told."""
        options = self._options
        nameserver = options.nameserver or ("as given" if options.servers else "")
        resolver = find_resolver(self._access, self._observed.pods, nameserver, options.domain, self._pause)
        self.result.domain, self.result.source = resolver.domain, resolver.source
        if options.servers:
            return resolver, DiscoveredServers(servers=list(options.servers))
        return resolver, find_servers(self._access, resolver.nameservers)

    def _talk(self, servers: Sequence[DnsServer], plan: Plan, domain: str) -> None:
        dialogue = Dialogue(
            servers,
            self._connect,
            first_question(domain),
            ask_absent=self._options.ask_absent,
            say=self._say,
            pause=self._pause,
        )
        self._say(f"asking {len(plan.always)} questions at each of {len(servers)} DNS servers")
        plan, differences = dialogue.run(plan, partial(self._observed.plan_anew, domain), self._until)
        self._conclude(dialogue, plan, differences)
        if self._options.from_pod or self._options.probe_image:
            self._look_inside(plan, partial(self._observed.plan_aside, domain))

    def _look_inside(self, plan: Plan, look_again: Callable[[], Plan]) -> None:
        """The same from a Pod, for whichever target a question is about."""
        self._say("asking from inside a Pod")
        asked = self._observed.asked
        for judged in asked:
            judged.sheet.applies += (Check.INSIDE,)
        try:
            namespace, pod = self._options.from_pod or self._create_probe()
            inside = InsideDialogue(
                open_pod(self._access, namespace, pod, self._addresses),
                [judged.target for judged in asked],
                self._pause,
            )
            plan = inside.run(plan, look_again, self._until)
        except InspectionError as error:
            for judged in asked:
                judged.sheet.cannot([Check.INSIDE], error)
            return
        finally:
            self._remove_probe()
        self.result.notes += inside.notes
        self._findings += inside_findings(inside, plan, asked, [*self._findings])

    def _create_probe(self) -> tuple[str, str]:
        namespace = self._observed.asked[0].target.namespace
        self._probe = ProbePod(self._access, namespace, self._options.probe_image)
        self._probe.create(self._until, self._pause)
        return namespace, self._probe.name

    def _remove_probe(self) -> None:
        """Remove the Pod that was created, if one was; what cannot be removed is said."""
        if self._probe is not None:
            try:
                self._probe.remove()
            except InspectionError as error:
                self.result.notes.append(error.reason)

    def _conclude(
        self,
        dialogue: Dialogue,
        plan: Plan,
        differences: Sequence[Difference],
    ) -> None:
        over_udp, asked = blamed_over_udp(dialogue, plan, differences, self._until)
        self.result.questions = dialogue.asked + asked
        blamed = [*over_udp]
        with self._contained(OF_RECORDS):
            blamed = [*findings_of(dialogue, plan, differences), *over_udp]
        late = {
            server: found for server in dialogue.servers if (found := dialogue.problem(server)) is not None
        }
        if any(server.pod for server in late):
            self._access.require_answer()
        self._findings += server_findings(late, (), dialogue.first, self._asked_targets())
        self.result.notes += dialogue.notes
        long: list[Finding] = []
        with self._contained([Check.TTL]):
            long += [*ttl_findings(dialogue, plan), *denial_findings(dialogue, plan, differences)]
        self._findings += [finding for finding, _ in blamed] + long
        with self._contained(OF_DNS):
            for judged in self._observed.asked:
                write_dns_outcomes(judged, dialogue, plan, blamed, long)
                judged.sheet.notes += map(_cache_note, self._caches)

    @contextmanager
    def _contained(self, checks: Sequence[Check]) -> Iterator[None]:
        """Whatever goes wrong in the block is an error of these checks, and of no other."""
        try:
            yield
        except Exception as error:
            for judged in self._observed.asked:
                judged.sheet.cannot(checks, error)

    def _dns_is_not_judged(self, reason: str, outcome: Outcome = Outcome.NOT_JUDGED) -> None:
        for judged in self._observed.asked:
            for check in OF_DNS:
                judged.sheet.write(check, outcome, reason)

    def _channel(self, server: DnsServer) -> Channel:
        return ForwardChannel(self._access, server) if server.pod else TcpChannel(server.address, server.port)

    def _write_results(self, result: AuditResult) -> None:
        """From the sheets, as far as they got."""
        reason = result.problem or "it was not looked at"
        result.targets = target_results(self._observed.judged, self._findings, reason)
        found = [
            finding
            for judged in self._observed.judged
            for finding in (*judged.sheet.findings, *judged.sheet.deviations)
        ]
        own = partial(KUBECTL.sub, lambda _: self._access.kubectl)
        result.findings = [
            replace(finding, command=own(finding.command), remedy=own(finding.remedy))
            for finding in merged([*found, *self._findings])
        ]


def _cache_note(address: str) -> Note:
    text = f"Pods ask a cache on their node ({address}), which was not looked at; see --from-pod"
    return Note(NoteKind.CACHE_NOT_ASKED, address, text)
