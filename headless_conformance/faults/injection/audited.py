"""The audit of a set on a broken cluster, where a fault asks for it."""

from __future__ import annotations

from headless_conformance.audit import Audit, AuditTarget, DnsServer, Options, open_access
from headless_conformance.audit.targets import TargetKind
from headless_conformance.cluster.headless_set import HeadlessSet
from headless_conformance.cluster.model import Cluster
from headless_conformance.faults.run_record import AuditedFinding, AuditedNote, AuditRecord


def audit_set(found: HeadlessSet, cluster: Cluster) -> AuditRecord:
    """Audit it, with the DNS servers that this machine can ask itself where the cluster has such."""
    direct = tuple(DnsServer(address, port) for address, port in cluster.host_dns)
    options = Options(
        targets=(AuditTarget(found.namespace, TargetKind.STATEFUL_SET, found.statefulset_name),),
        servers=direct,
        domain=found.facts.domain if direct else "",
    )
    result = Audit(open_access(str(cluster.kubeconfig), ""), options).run()
    rows = tuple(
        AuditedFinding(
            component=one.component, check=one.check, kind=one.kind, facts=one.facts, summary=one.summary
        )
        for one in result.findings
    )
    notes = tuple(
        AuditedNote(kind=note.kind, of=note.of) for target in result.targets for note in target.notes
    )
    return AuditRecord(exit_status=result.status, findings=rows, notes=notes, problem=result.problem)
