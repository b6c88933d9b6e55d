"""A Pod to ask from, created because the person said so, and removed whatever happens.

Nothing else here writes.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable
from typing import Any

from headless_conformance.audit.access import Access, path_of
from headless_conformance.audit.errors import InspectionError, NoSuchObjectError

NAME_PREFIX = "headless-conformance-probe-"
_READY_SECONDS = 60.0
LONGEST_LIFE_SECONDS = 300
"""After this the kubelet ends the Pod, should we not have been able to remove it."""
_POLL_SECONDS = 1.0
NOBODY = 65534


class ProbePod:
    """One Pod, from its creation to its removal."""

    def __init__(self, access: Access, namespace: str, image: str) -> None:
        self._access = access
        self._namespace = namespace
        self._image = image
        self.name = f"{NAME_PREFIX}{secrets.token_hex(4)}"
        self._created = False

    def create(self, until: float, pause: Callable[[float], None]) -> None:
        """Create it and wait until it runs. Raises InspectionError."""
        right = f"create pods in namespace {self._namespace}"
        self._created = True
        self._access.send("POST", path_of("Pod", self._namespace), right, self._manifest())
        end = min(until, time.monotonic() + _READY_SECONDS)
        while True:
            found = self._access.get(
                path_of("Pod", self._namespace, self.name), f"get pods in {self._namespace}"
            )
            if found.get("status", {}).get("phase") == "Running":
                return
            if time.monotonic() > end:
                raise InspectionError(f"Pod {self._namespace}/{self.name} did not run in time: {_why(found)}")
            pause(_POLL_SECONDS)

    def remove(self) -> None:
        """Delete it; may be called again. Raises InspectionError with the line that removes it by hand."""
        if not self._created:
            return
        try:
            self._access.send(
                "DELETE",
                path_of("Pod", self._namespace, self.name),
                f"delete pods in namespace {self._namespace}",
                {"gracePeriodSeconds": 0},
            )
        except NoSuchObjectError:
            pass
        except InspectionError as error:
            raise InspectionError(
                f"{error.reason}; remove the Pod with kubectl -n {self._namespace} delete pod {self.name}"
            ) from None
        self._created = False

    def _manifest(self) -> dict[str, Any]:
        """As small as possible, and within the restricted Pod security standard."""
        limits = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": self.name, "labels": {"app": NAME_PREFIX.rstrip("-")}},
            "spec": {
                "restartPolicy": "Never",
                "activeDeadlineSeconds": LONGEST_LIFE_SECONDS,
                "terminationGracePeriodSeconds": 0,
                "automountServiceAccountToken": False,
                "securityContext": {
                    "runAsNonRoot": True,
                    "runAsUser": NOBODY,
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
                "containers": [
                    {
                        "name": "probe",
                        "image": self._image,
                        "command": ["sleep", str(LONGEST_LIFE_SECONDS)],
                        "securityContext": limits,
                        "resources": {"requests": {"cpu": "5m", "memory": "16Mi"}},
                    }
                ],
            },
        }


def _why(found: dict[str, Any]) -> str:
    status = found.get("status", {})
    for container in status.get("containerStatuses") or ():
        waiting = (container.get("state") or {}).get("waiting") or {}
        if waiting.get("reason"):
            return str(waiting["reason"])
    return str(status.get("phase") or json.dumps(status)[:100])
