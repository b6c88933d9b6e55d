"""`headless-conformance version`: which suite this is."""

from __future__ import annotations


def version() -> int:
    """Print the versions of the suite and of what it builds."""
    from headless_conformance.core.versions import read_versions
    from headless_conformance.results.report_file import suite_version

    suite, versions = suite_version(), read_versions()
    state = " with changes" if suite.get("modified") else ""
    print(f"headless-conformance {suite['version']}, commit {suite.get('commit', 'unknown')}{state}")
    print(
        f"kind {versions.kind}; "
        + ", ".join(f"{name} {number}" for name, number in versions.components.items())
    )
    for row in versions.rows:
        print(f"Kubernetes {row.patch}: CoreDNS {row.coredns}, etcd {row.etcd}, pause {row.pause}")
    return 0
