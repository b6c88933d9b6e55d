"""Public images on the nodes of a cluster of containers, before tests whose time limits are not made for
pulling."""

from __future__ import annotations

from collections.abc import Iterable

from headless_conformance.core.errors import StepFailed, UserError
from headless_conformance.engine.engine import Engine
from headless_conformance.images.workloads import STAND_INS

PULL_SECONDS = 900.0
"""Bound on one image and one node."""


def pull_on_nodes(engine: Engine, containers: Iterable[str]) -> None:
    """Every node pulls every image of the manifests. UserError names the one that cannot be had."""
    for container in sorted(containers):
        for image in STAND_INS:
            try:
                engine.docker("exec", container, "crictl", "pull", image, timeout=PULL_SECONDS)
            except StepFailed as error:
                reason = str(error).strip().splitlines()[-1]
                raise UserError(
                    f"Image {image} cannot be pulled on node {container}: {reason}; "
                    "check the network, or use IMAGES=build."
                ) from None
