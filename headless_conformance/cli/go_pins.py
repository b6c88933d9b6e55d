"""`headless-conformance go-pins`: pins of the Go components that versions.yaml names."""

from __future__ import annotations


def go_pins() -> int:
    """Write what is missing, and commit it afterwards; what is there stays as it was built and tested."""
    from headless_conformance.images.node.parts import NETD
    from headless_conformance.toolchain.go_pins import generate_all

    generate_all([NETD])
    return 0
