"""`python -m tests.audit.on_kind [PART …]`: the audit, as a person starts it, on a kind cluster.

The parts are `shapes`, `speed`, `servers`, `states`, `members`, `kept`, `silence`, `rights` and `forms`;
without a name all of them. It takes the kind cluster that this clone kept (`make e2e PROVIDER=kind KEEP=1`)
and leaves nothing in it but the third CoreDNS Pod.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator

from headless_conformance.core.progress import Progress
from headless_conformance.core.settings import from_env
from headless_conformance.providers.kind.cluster import KindCluster
from headless_conformance.providers.kind.tools import ensure_kind_tools
from tests.audit.on_kind.cluster import KindTrials
from tests.audit.on_kind.forms import forms
from tests.audit.on_kind.kept import kept
from tests.audit.on_kind.members import members
from tests.audit.on_kind.platforms import servers
from tests.audit.on_kind.rights import rights
from tests.audit.on_kind.shapes import shapes
from tests.audit.on_kind.silence import silence
from tests.audit.on_kind.speed import speed
from tests.audit.on_kind.states import states

PARTS: dict[str, Callable[[KindTrials], Iterator[str]]] = {
    part.__name__: part for part in (shapes, speed, servers, states, members, kept, silence, rights, forms)
}


def main() -> int:
    """Exit status 1 with what did not come out as it must."""
    settings = from_env({"PROVIDER": "kind"})
    tools = ensure_kind_tools(settings, Progress(total=1))
    owner = KindCluster(settings, tools, "audit-on-kind")
    cluster = owner.attach()
    if cluster is None:
        sys.exit("No kept kind cluster of this clone answers; `make e2e PROVIDER=kind KEEP=1` creates one.")
    owner.keep()
    kind = KindTrials(cluster, tools.engine)
    wrong: list[str] = []
    try:
        for name in sys.argv[1:] or PARTS:
            begun = time.monotonic()
            print(f"{name}: load {os.getloadavg()[0]:.0f}", flush=True)
            before = len(wrong)
            for problem in PARTS[name](kind):
                wrong.append(problem)
                print(f"  NOT AS IT MUST BE: {problem}", flush=True)
            found = f"{len(wrong) - before} not as they must be" if wrong[before:] else "as it must be"
            print(f"{name}: {found}, {time.monotonic() - begun:.0f} s", flush=True)
    finally:
        kind.remove()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
