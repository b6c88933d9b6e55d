"""`python -m tests.own_set.on_kind`: the same on a kind cluster, where tests look into the Pods, too.

One set has an image with the programs that tests run in Pods, and all that they look at is right; the image
of the other one has none, which is no failure.
"""

from __future__ import annotations

import sys
from dataclasses import replace

from headless_conformance.core.run_identity import new_run, only_run_of_clone
from headless_conformance.core.settings import from_env
from headless_conformance.images.archive import PREFIX
from headless_conformance.providers.interface import RunContext
from headless_conformance.providers.kind.provider import PROVIDER
from tests.own_set.all_cases import are_right
from tests.own_set.cases import Case

BY_THE_API = ("SEED-HLS-03", "SEED-HLS-04", "SEED-DSC-09", "SEED-DSC-10", "SEED-DSC-11")
BY_DNS = ("SEED-NID-03", "SEED-NID-05", "SEED-NSL-10")
IN_PODS = ("SEED-NID-01", "SEED-NID-02", "SEED-NID-09", "SEED-XC-01")
HOSTS_FILE = tuple(f"SEED-ETH-0{number}" for number in range(1, 10))
SLEEP = "trap exit TERM; sleep infinity & wait"
FULL = Case("orders", {}, exit_status=0, passed=(*BY_THE_API, *BY_DNS, *IN_PODS, *HOSTS_FILE), start=1)
EMPTY = Case(
    "bare",
    {},
    exit_status=0,
    passed=(*BY_THE_API, *BY_DNS),
    not_supported={
        "SEED-NID-09": "has no getent",
        **dict.fromkeys(HOSTS_FILE[:-1], "has no cat"),
        HOSTS_FILE[-1]: "has no sh",
    },
)


def main() -> int:
    """Exit status 1 with the cases that did not come out as they must."""
    context = RunContext(from_env({"PROVIDER": PROVIDER.name}), PROVIDER, new_run())
    context.prepare()
    with only_run_of_clone():
        try:
            with PROVIDER.session(context) as cluster:
                client = {"image": cluster.images[f"{PREFIX}/client"], "command": ["sh", "-c", SLEEP]}
                pause = {"image": f"registry.k8s.io/pause:{cluster.release.pause}"}
                cases = (replace(FULL, container=client), replace(EMPTY, container=pause))
                return 0 if are_right(cases, cluster) else 1
        finally:
            context.end_session()
            context.end_run()


if __name__ == "__main__":
    sys.exit(main())
