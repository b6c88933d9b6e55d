"""The variables that a person can set: the only list of them.

Options of the program, make's check of its command line, tox's environment and the tables of the
documentation come from it or are compared with it. Needs no packages, because make uses it before there is a
Python environment: `python3 -m headless_conformance.core.variables NAME ...` ends with a sentence about the
first name that nobody reads.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from headless_conformance.core.provider_names import PROVIDERS

RUNS = ("e2e", "matrix")
DETECTION = ("faults", "variations")
CREATING = (*RUNS, *DETECTION, "robustness", "prepare")
SELECTING = (*RUNS, "robustness", "list")
OWN_CLUSTER = ("e2e", "audit", "clean-existing")


class Variable(NamedTuple):
    """One variable; every command of `commands` has an option or an argument for it."""

    name: str
    commands: Sequence[str]
    values: str
    """What it can be, in Markdown; empty for anything."""
    meaning: str
    default: str = ""
    flag: bool = False
    """It is `1` or not set."""
    argument: bool = False
    """On the program's command line it is an argument without a name."""
    alias: str = ""
    """Another name of its option."""

    @property
    def option(self) -> str:
        """The name of the option that sets it, such as `--dry-run`."""
        return f"--{self.name.lower().replace('_', '-')}"


VARIABLES: Mapping[str, Variable] = {
    variable.name: variable
    for variable in (
        Variable(
            "K8S",
            (*CREATING, "doctor", "simulated-starts"),
            "`1.34` … `1.37`",
            (
                "a row of `versions.yaml`; with `matrix` several; on a cluster of your own the "
                "version that you expect"
            ),
            default="the newest",
        ),
        Variable(
            "PROVIDER",
            (*RUNS, *DETECTION, "prepare", "doctor"),
            ", ".join(f"`{name}`" for name in PROVIDERS),
            "where the cluster comes from",
            default="`kind` where a container engine can run, else `simulated`",
        ),
        Variable(
            "IMAGES",
            CREATING,
            "`auto`, `pull`, `build`",
            "where the node image comes from; `auto` takes the one that is there, else pulls, else builds",
            default="`auto`",
        ),
        Variable(
            "KEEP",
            (*RUNS, *DETECTION),
            "`1`",
            "keep the cluster, without what the run put into it, for the next run; not with `k3d`",
            flag=True,
        ),
        Variable(
            "STRICT",
            RUNS,
            "`1`",
            (
                "a partial result, in which nothing failed but a MUST was not verified in full, "
                "ends with exit status 3"
            ),
            flag=True,
        ),
        Variable("DOCUMENT", SELECTING, "", "run only these documents: names of folders below `suites/`"),
        Variable("SECTION", SELECTING, "", "run only these sections: `document/section`"),
        Variable("REQUIREMENT", SELECTING, "", "run only these requirements: IDs, as `make list` shows them"),
        Variable("LEVEL", SELECTING, "`MUST`, `SHOULD`, `MAY`", "run only requirements of these levels"),
        Variable(
            "RERUN", SELECTING, "", "run only the requirements that did not pass in this `conformance.yaml`"
        ),
        Variable("ARGS", ("e2e",), "", "more arguments for pytest", argument=True),
        Variable(
            "NAMESPACE",
            (*RUNS, "audit"),
            "",
            "where the documented objects are applied; with `audit` the one whose StatefulSets are judged",
            default="`default`",
        ),
        Variable(
            "REPORT_LANG", (*RUNS, "report"), "`en`, `zh`", "language of titles and summary", default="`en`"
        ),
        Variable(
            "SLOW",
            RUNS,
            "`1`",
            "also the scale tests, with 1,000 and 10,000 Pods; with `simulated` only",
            flag=True,
        ),
        Variable(
            "SCALE_NAMES",
            RUNS,
            "a number or `all`",
            "how many Pods of a scale test are looked at",
            default="200",
        ),
        Variable("SCALE_SEED", RUNS, "a number", "seed of the choice of these Pods", default="a random one"),
        Variable(
            "POD_CIDR",
            (*RUNS, "simulated-starts"),
            "",
            "address range of the Pods of a cluster that is created",
        ),
        Variable(
            "SERVICE_CIDR", (*RUNS, "simulated-starts"), "", "address range of the Services of such a cluster"
        ),
        Variable(
            "CLUSTER_DOMAIN",
            (*RUNS, "simulated-starts", "audit"),
            "",
            "domain of a cluster that is created; with `audit` that of yours, where it cannot be found out",
            default="`cluster.local`",
        ),
        Variable(
            "DEBIAN_DRIFT",
            (*CREATING, "image-archive"),
            "`1`",
            "build with what the Debian archive has now, when a pinned file is gone",
            flag=True,
        ),
        Variable(
            "KUBECONFIG", OWN_CLUSTER, "", "the kubeconfig of a cluster of your own, as kubectl takes it"
        ),
        Variable("CONTEXT", OWN_CLUSTER, "", "the context in it", default="the current one"),
        Variable(
            "CONFIRM",
            ("e2e", "clean-existing"),
            "`1`",
            "do not ask before writing to your cluster",
            flag=True,
            alias="--yes",
        ),
        Variable(
            "DRY_RUN",
            ("e2e", "clean-existing"),
            "`1`",
            "say what would be done on your cluster, and stop",
            flag=True,
        ),
        Variable(
            "IMAGE_PREFIX",
            ("e2e",),
            "",
            "where the nodes of your cluster pull the images from",
            default="public registries",
        ),
        Variable("IMAGES_FILE", ("e2e",), "", "a table in YAML of the images that they pull"),
        Variable(
            "ONLY_NAMESPACE",
            ("e2e",),
            "",
            "use this namespace of your cluster and no other, with the rights of its administrator",
        ),
        Variable(
            "STORAGE_CLASS",
            ("e2e",),
            "",
            "storage class of the volumes on your cluster; `none` for no volumes",
            default="its default",
        ),
        Variable(
            "PULL_SECRET", ("e2e",), "", "a Docker configuration file with the credentials of that registry"
        ),
        Variable(
            "FAULT",
            DETECTION,
            "",
            "names of files below `faults/` or `variations/`",
            default="all",
            argument=True,
        ),
        Variable(
            "FULL",
            ("faults",),
            "`1`",
            "run every document under every fault, not only what the fault lists",
            flag=True,
        ),
        Variable(
            "DISTURBANCE",
            ("robustness",),
            "`api-server-killed`, `dns-pod-deleted`, `dns-pods-deleted`, `node-paused`, "
            "`node-paused-for-good`, `node-stopped`, `control-plane-paused`, `control-plane-paused-for-good`",
            "what disturbs a run",
            default="all",
            argument=True,
        ),
        Variable(
            "TARGET",
            ("e2e", "audit"),
            "`namespace/statefulset`, `namespace/svc/service`",
            (
                "with `audit` what is judged, several separated by blanks; with `PROVIDER=existing` a "
                "StatefulSet of yours, on which the tests that only look are run, too"
            ),
        ),
        Variable(
            "RESULTS",
            ("report",),
            "",
            "folders of Allure results, which become one report",
            default="`reports/allure-results`",
            argument=True,
        ),
        Variable("A", ("compare",), "", "the first `conformance.yaml`", argument=True),
        Variable("B", ("compare",), "", "the second `conformance.yaml`", argument=True),
        Variable(
            "ARCHIVE",
            ("image-archive",),
            "",
            "folder for the images",
            default="`image-archive`",
            argument=True,
        ),
    )
}

RENAMED = {"CLAIM": "REQUIREMENT"}
"""Variables that have another name now."""

OF_TOOLS = ("VENV", "PYTHON", "PIP_", "GO", "DOCKER_", "K3D_", "XDG_", "NPM_", "npm_")
"""How names begin that make reads, or a program which it starts; names that end with `_PROXY` are more."""


def of_command(command: str) -> list[Variable]:
    """The variables that a command takes, in the table's order."""
    return [variable for variable in VARIABLES.values() if command in variable.commands]


def renamed_variable(names: Iterable[str]) -> str:
    """The sentence about the first of these names that is an old one; empty when none is."""
    old = next((name for name in names if name in RENAMED), None)
    return f"{old} is called {RENAMED[old]} now; set {RENAMED[old]}= in its place." if old else ""


def unknown(names: Iterable[str]) -> str:
    """The sentence about the first of these names that nobody reads; empty when all are read."""
    for name in names:
        if name in VARIABLES or name.startswith(OF_TOOLS) or name.upper().endswith("_PROXY"):
            continue
        near = difflib.get_close_matches(name.upper(), VARIABLES, n=1)
        hint = f"the nearest one is {near[0]}" if near else f"use one of {', '.join(sorted(VARIABLES))}"
        return f"{name} is not a variable of this suite; {hint}."
    return ""


def markdown_table() -> str:
    """What README.md shows: every variable but those for a cluster of one's own, which its page explains."""
    lines = ["| variable | values | meaning | only for |", "|---|---|---|---|"]
    for variable in VARIABLES.values():
        if set(variable.commands) <= {*OWN_CLUSTER, "e2e"} - {"audit"} and not variable.argument:
            continue
        meaning = variable.meaning + (f"; left out: {variable.default}" if variable.default else "")
        only = "" if "e2e" in variable.commands else ", ".join(variable.commands)
        name = f"{variable.name}=1" if variable.flag else variable.name
        lines.append(f"| `{name}` | {'' if variable.flag else variable.values} | {meaning} | {only} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sentence = renamed_variable(sys.argv[1:]) or unknown(sys.argv[1:])
    print(sentence)
    sys.exit(2 if sentence else 0)
