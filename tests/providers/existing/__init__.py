"""What tests of a cluster of the person's own have in common."""

from __future__ import annotations

from typing import Any

EXISTING = {"PROVIDER": "existing"}
CONFIG: dict[str, Any] = {
    "current-context": "prod",
    "contexts": [
        {"name": "prod", "context": {"cluster": "c", "user": "u", "namespace": "secret-things"}},
        {"name": "broken", "context": {"cluster": "c", "user": "nobody"}},
    ],
    "clusters": [
        {"name": "c", "cluster": {"server": "https://192.0.2.1", "certificate-authority": "ca.pem"}}
    ],
    "users": [{"name": "u", "user": {"tokenFile": "token", "exec": {"command": "./login"}}}],
}
"""A kubeconfig, as YAML says it."""
