"""The commands and one sentence about each: what `make help` and `headless-conformance --help` show.

Needs no packages, because `make help` prints it before there is a Python environment.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Mapping, Sequence

from headless_conformance.core.provider_names import PROVIDERS

COMMANDS: Mapping[str, str] = {
    "e2e": "Verify the documented promises on a cluster of our own, and write reports/.",
    "matrix": "The same on every version of versions.yaml, or those of K8S, and what differs between them.",
    "list": "List the requirements (all, or the chosen ones), what they need and how long they took.",
    "requirements": "Show which tests cover which requirement; fails when one has none.",
    "report": "Build the HTML report of the last run, or of several (needs Node.js).",
    "compare": "Show what differs between reports: A=first/conformance.yaml B=second/conformance.yaml.",
    "doctor": "Show what is there, what is missing and what would be used.",
    "audit": "Judge StatefulSets of any cluster, and change nothing there: TARGET=namespace/statefulset.",
    "faults": "Break what the suite verifies, in every way of faults/, and see the right requirements fail.",
    "variations": "Run the suite on every healthy variation of variations/: nothing may fail.",
    "robustness": (
        "Disturb runs on kind in the middle, and see that none reports a broken promise because of it."
    ),
    "prepare": "Get or build engine, tools and images, and start nothing else.",
    "image-archive": "Write the images into ARCHIVE=image-archive, for a registry of your own.",
    "pages": "Write the generated pages of docs/ and the tables of variables.",
    "version": "Show the version of this suite and of the programs that it builds.",
    "clean": (
        "Delete this clone's clusters, work files and reports; stop the private engine when nobody needs it."
    ),
    "clean-existing": "Delete what a killed run left on a cluster of your own (KUBECONFIG, CONTEXT).",
    "distclean": "clean, and delete the caches (make deletes the Python environment, too).",
}

MAINTENANCE: Mapping[str, str] = {
    "workflow": "Lint the GitHub Actions workflow, or print the versions that an event runs.",
    "go-pins": "Write the pins of the Go components that versions.yaml names and that have none.",
    "debian-lock": "Write lock files from what the Debian archive has now.",
    "simulated-starts": "Start a simulated cluster many times and print how long that took.",
}
"""Commands of the program alone."""

OF_CLONE = ("faults", "variations", "pages", "workflow", "go-pins", "debian-lock")
"""Commands that need files of a clone that an installed package has not."""

OF_MAKE: Mapping[str, str] = {
    "test": "Run the project's own tests; needs no cluster.",
    "test-model": "Hold the reference model of the records against real CoreDNS, on generated namespaces.",
    "test-own-set": "Run the suite with TARGET= on StatefulSets that are right and wrong, simulated.",
    "lint": "Check style, types, layers and the workflow.",
    "workflow-matrix": "Print the versions that an event of GitHub Actions runs, for the workflow.",
    "help": "Show the targets.",
}
"""Targets that are no commands of the program."""

RENAMED = {"claims": "requirements", "faults-page": "pages", "check": "audit"}
"""Targets and commands that have another name now."""


def renamed_command(names: Sequence[str]) -> str:
    """The sentence about the first of these names when it is an old one; empty when it is not."""
    old = names[0] if names else ""
    return f"{old} is called {RENAMED[old]} now; use `make {RENAMED[old]}`." if old in RENAMED else ""


def unknown_target(name: str) -> str:
    """The sentence about a name that is no target of make."""
    near = difflib.get_close_matches(name, {**COMMANDS, **OF_MAKE}, n=1)
    hint = f"the nearest one is {near[0]}" if near else "`make help` shows them"
    return f"{name} is not a target of this suite; {hint}."


if __name__ == "__main__":
    if names := sys.argv[1:]:
        sys.exit(f"error: {renamed_command(names) or unknown_target(names[0])}")
    for name, summary in {**COMMANDS, **OF_MAKE}.items():
        print(f"  make {name:<15} {summary}")
    choices = f"K8S=1.37 PROVIDER={'|'.join(PROVIDERS)} KEEP=1 REQUIREMENT=ID"
    print(f'\n  {choices}; all variables: README.md, "Choosing"')
