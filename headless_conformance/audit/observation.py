"""The targets of one audit as the API shows them, looked at again for as long as they may still change."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence

from headless_conformance.audit.access import Access, path_of
from headless_conformance.audit.collection import Snapshot, collect
from headless_conformance.audit.dialogue import CHANGE_SECONDS, FIRST_PAUSE, LONGEST_PAUSE, SETTLE_SECONDS
from headless_conformance.audit.errors import InspectionError, NoSuchObjectError, UnreachableApiError
from headless_conformance.audit.findings import Note, NoteKind
from headless_conformance.audit.judging import (
    JudgedTarget,
    has_transient_findings,
    judge_target,
    last_change,
    plan_of,
    targets_in,
)
from headless_conformance.audit.options import Options
from headless_conformance.audit.plan import Plan
from headless_conformance.audit.states import State
from headless_conformance.audit.targets import AuditTarget
from headless_conformance.core.objects import Object

YOUNG_SECONDS = 3.0
"""A member that became Ready less long ago is not asked for yet: the question could leave a denial in a
server's cache."""
WAIT_INTERVAL = 2.0


class ObservedTargets:
    """What is audited, with the latest look at it. Changes nothing."""

    def __init__(
        self,
        access: Access,
        options: Options,
        until: float,
        say: Callable[[str], None],
        pause: Callable[[float], None],
    ) -> None:
        """`until` is when the audit has to end (monotonic)."""
        self.judged: list[JudgedTarget] = []
        self.version: tuple[int, ...] = ()
        """Of Kubernetes; empty where it is not known."""
        self._access = access
        self._options = options
        self._until = until
        self._say = say
        self._pause = pause
        self._targets: Sequence[AuditTarget] = ()
        self._snapshot = Snapshot(frozenset())
        self._token = secrets.token_hex(6)

    def find(self) -> None:
        """The first look. Raises InspectionError when there is nothing to audit."""
        options = self._options
        if options.targets:
            self._targets = options.targets
            self._snapshot = self._collect({target.namespace for target in options.targets})
        else:
            self._snapshot = self._collect(None if options.all_namespaces else {options.namespace})
            for problem in self._snapshot.refused.values():
                if not self._snapshot.all("StatefulSet"):
                    raise problem
            self._targets = targets_in(self._snapshot)
        if not self._targets:
            where = "in any namespace" if options.all_namespaces else f"in namespace {options.namespace}"
            raise InspectionError(f"there is no StatefulSet and no headless Service {where}")
        self._judge()

    def look_again(self) -> None:
        """What is written down about the targets begins anew."""
        self._snapshot = self._collect(self._snapshot.namespaces)
        self._judge()

    def wait_for_sets(self, seconds: float) -> None:
        """Until every set is at rest, or for so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and (busy := [one for one in self.judged if not one.state.settled]):
            self._say(f"{busy[0].target}: {busy[0].state.text}, waits for {busy[0].state.waits_for}")
            self._pause(WAIT_INTERVAL)
            self.look_again()

    def wait_for_controllers(self) -> None:
        """Until EndpointSlices and Pods are as they must be, or time for that is up."""
        begun, interval = time.monotonic(), FIRST_PAUSE
        while has_transient_findings(self.judged):
            patience = CHANGE_SECONDS if self._youngest() < CHANGE_SECONDS else SETTLE_SECONDS
            if time.monotonic() > min(begun + patience, self._until):
                break
            self._say("EndpointSlices or Pods are not as they must be; looking again")
            self._pause(interval)
            interval = min(interval * 1.5, LONGEST_PAUSE)
            self.look_again()

    def wait_for_young(self) -> None:
        """Until no member is so young that asking for it could hide it."""
        if (young := self._youngest()) < YOUNG_SECONDS:
            self._pause(YOUNG_SECONDS - max(young, 0.0))
            self.look_again()

    @property
    def asked(self) -> list[JudgedTarget]:
        """Those about which DNS servers are asked."""
        return [judged for judged in self.judged if judged.asks]

    @property
    def pods(self) -> list[Object]:
        """Pods of the targets first, then any other of their namespaces."""
        names = {judged.target.name for judged in self.judged}
        pods = self._snapshot.all("Pod")
        return sorted(pods, key=lambda pod: pod["metadata"]["name"].rpartition("-")[0] not in names)

    def plan(self, domain: str) -> Plan:
        """What the latest look demands of DNS."""
        return self._plan_of(self.judged, self._snapshot, domain)

    def plan_anew(self, domain: str) -> Plan:
        """The same after another look."""
        self.look_again()
        return self.plan(domain)

    def plan_aside(self, domain: str) -> Plan:
        """The same, and what is written down about the targets stays."""
        snapshot = self._collect(self._snapshot.namespaces)
        judged = [judge_target(target, snapshot, self.version) for target in self._targets]
        return self._plan_of(judged, snapshot, domain)

    def _plan_of(self, judged: Sequence[JudgedTarget], snapshot: Snapshot, domain: str) -> Plan:
        return plan_of(judged, snapshot, domain, self._access.now(), self._token)

    def _collect(self, namespaces: set[str] | frozenset[str] | None) -> Snapshot:
        return collect(self._access, namespaces, self._until)

    def _judge(self) -> None:
        self.judged = [judge_target(target, self._snapshot, self.version) for target in self._targets]
        for namespace in sorted({judged.target.namespace for judged in self.judged if judged.sheet.findings}):
            self._excuse_deletion(namespace)

    def _excuse_deletion(self, namespace: str) -> None:
        """In a namespace that is being deleted nothing is wrong: its objects go one after the other. Asked
        after everything was listed, so that whatever is missing because of it is explained by it."""
        own = [judged for judged in self.judged if judged.target.namespace == namespace]
        try:
            found = self._access.get(path_of("Namespace", name=namespace), "get namespaces")
            is_leaving = bool(found["metadata"].get("deletionTimestamp"))
        except UnreachableApiError:
            raise
        except NoSuchObjectError:
            is_leaving = True
        except InspectionError as error:
            is_leaving = False
            for judged in filter(lambda one: one.sheet.findings, own):
                text = f"whether namespace {namespace} is being deleted is not known: {error.reason}"
                judged.sheet.notes.append(Note(NoteKind.NAMESPACE_NOT_LOOKED_AT, namespace, text))
        for judged in own if is_leaving else ():
            leaving = frozenset(finding.what for finding in judged.sheet.findings)
            text = f"{judged.state.text}: namespace {namespace} is being deleted"
            judged.leave_unjudged(State(False, text, "its deletion", judged.state.unready, leaving))

    def _youngest(self) -> float:
        """Seconds since a target last changed."""
        return self._access.now() - max(
            (last_change(judged, self._snapshot) for judged in self.judged), default=0.0
        )
