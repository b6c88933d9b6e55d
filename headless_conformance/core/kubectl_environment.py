"""The environment of kubectl, without what a person has set up for their own use of it.

Their `~/.kube/kuberc` changes what `kubectl apply` and `kubectl get` do, and variables switch features of
kubectl on and off.
"""

from __future__ import annotations

import os
from pathlib import Path

from headless_conformance.core.paths import work_dir

OF_KUBECTL = "KUBE"
"""How the names of all variables begin that kubectl, its plug-ins and its client library read."""
NO_KUBERC = {"KUBERC": "off"}
"""Keeps kubectl from reading a person's preferences."""


def kubectl_environment(kubeconfig: Path = Path(os.devnull)) -> dict[str, str]:
    """The variables of a kubectl that knows the cluster of this kubeconfig, and no settings of the person's.

    Its home is one of ours. A program that the kubeconfig names for credentials is told the person's by the
    kubeconfig itself.
    """
    home = work_dir() / "kubectl-home"
    home.mkdir(parents=True, exist_ok=True)
    return {
        **without_kubectl_variables(),
        "HOME": str(home),
        # In English, whatever the person's language is.
        "LC_ALL": "C",
        "KUBECONFIG": str(kubeconfig),
        "KUBECACHEDIR": str(work_dir() / "kubectl-cache"),
        **NO_KUBERC,
    }


def without_kubectl_variables() -> dict[str, str]:
    """The person's variables but for those of kubectl."""
    return {name: value for name, value in os.environ.items() if not name.startswith(OF_KUBECTL)}
