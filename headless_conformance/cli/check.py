"""`headless-conformance check`: an existing StatefulSet, read and not changed."""

from __future__ import annotations

import os
from typing import Annotated

from headless_conformance.cli.options import argument


def check(target: Annotated[str, argument("TARGET")] = "") -> int:
    """Print the findings; exit status 0 when nothing failed, 1 when something did, 2 when it could not be told."""
    from headless_conformance.run.check import check_on_cluster, status_of

    findings = check_on_cluster(os.environ, target)
    print("\n".join(map(str, findings)))
    return status_of(findings)
