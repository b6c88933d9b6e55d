"""The cluster's API as the tests see it: objects are the JSON that the API server gives,
kubectl is of its minor."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from kubernetes.stream import stream
from kubernetes.stream.ws_client import ERROR_CHANNEL, WSClient
from kubernetes.watch import Watch
from urllib3.exceptions import HTTPError

from headless_conformance.cluster.waiting import ObservationError
from headless_conformance.core.errors import not_supported
from headless_conformance.core.mismatch import require
from headless_conformance.core.paths import work_dir

Object = dict[str, Any]

KUBECTL_SECONDS = 60.0
EXEC_SECONDS = 60.0
LOG_LINES = 40
UNREACHABLE = re.compile(
    r"Unable to connect to the server|connection to the server \S+ was refused|TLS handshake timeout"
    r"|etcdserver: |unexpected EOF|connection reset by peer|\(Forbidden\): .*User \"[^\"]+\" cannot "
)
"""What kubectl says when it has not heard the API server's word;
one that is just starting does not know any rights yet."""
CONTENT_TYPES = {"PATCH": "application/merge-patch+json"}
COLLECTIONS = {
    "Service": "/api/v1/{}/services",
    "Pod": "/api/v1/{}/pods",
    "Secret": "/api/v1/{}/secrets",
    "ConfigMap": "/api/v1/{}/configmaps",
    "Event": "/api/v1/{}/events",
    "PersistentVolumeClaim": "/api/v1/{}/persistentvolumeclaims",
    "RoleBinding": "/apis/rbac.authorization.k8s.io/v1/{}/rolebindings",
    "StatefulSet": "/apis/apps/v1/{}/statefulsets",
    "EndpointSlice": "/apis/discovery.k8s.io/v1/{}/endpointslices",
}


@dataclass(frozen=True)
class CommandResult:
    """One command as a person would see it."""

    command: str
    status: int
    stdout: str
    stderr: str

    def transcript(self) -> str:
        """Command and output, for evidence."""
        return f"$ {self.command}\n{self.stdout}{self.stderr}(exit status {self.status})\n"

    def require_success(self, subject: str = "") -> None:
        """Raise a Mismatch with what the command said, unless it ended with status 0."""
        __tracebackhide__ = True
        require(
            self.status == 0,
            f"{subject or self.command}: exit status",
            expected="0",
            observed=f"{self.status}: {self.stderr.strip()}",
            details=self.transcript(),
        )


class Kube:
    """The API server and kubectl of one cluster.

    With `limited`, this account may be refused to look at what is not the run's: a test that has to is then
    not supported. kubectl is needed for `kubectl` alone.
    """

    def __init__(self, kubeconfig: Path, kubectl: Path = Path("kubectl"), *, limited: bool = False) -> None:
        self._limited = limited
        self._kubeconfig = kubeconfig
        self.kubectl_path = kubectl
        self._api = config.new_client_from_config(str(kubeconfig))
        self.core = client.CoreV1Api(self._api)
        self._apps = client.AppsV1Api(self._api)

    def request(self, method: str, path: str, body: Object | None = None, **query: str) -> Object:
        """One API call, JSON in and out. Raises ApiException with the server's own words."""
        header = {"Accept": "application/json", "Content-Type": CONTENT_TYPES.get(method, "application/json")}
        method, url, header, sent, _ = self._api.param_serialize(
            method,
            path,
            query_params=list(query.items()),
            header_params=header,
            body=body,
            auth_settings=["BearerToken"],
        )
        answer = self._api.call_api(method, url, header, sent, _request_timeout=30)
        text = answer.read().decode()
        if answer.status == 403 and method == "GET" and self._limited:
            not_supported(f"this account is refused {path}")
        if not 200 <= answer.status <= 299:
            raise ApiException(status=answer.status, reason=_message(text))
        return dict(json.loads(text))

    def get(self, kind: str, namespace: str, name: str) -> Object:
        """One object of a namespace."""
        return self.request("GET", f"{_path(kind, namespace)}/{name}")

    def list(self, kind: str, namespace: str, **query: str) -> list[Object]:
        """The objects of a namespace; `query` are the API's own, as labelSelector."""
        return [dict(item) for item in self.request("GET", _path(kind, namespace), None, **query)["items"]]

    def create(self, namespace: str, manifest: Object, **query: str) -> Object:
        """Create an object; `dryRun="All"` asks the API server without leaving anything."""
        return self.request("POST", _path(manifest["kind"], namespace), manifest, **query)

    def patch(self, kind: str, namespace: str, name: str, change: Object, **query: str) -> Object:
        """Change an object by a merge patch."""
        return self.request("PATCH", f"{_path(kind, namespace)}/{name}", change, **query)

    def replace(self, namespace: str, manifest: Object, **query: str) -> Object:
        """Put an object in the place of the one with its name."""
        name = manifest["metadata"]["name"]
        return self.request("PUT", f"{_path(manifest['kind'], namespace)}/{name}", manifest, **query)

    def delete(self, kind: str, namespace: str, name: str) -> None:
        """Delete an object; one that is gone is fine. Does not wait."""
        try:
            self.request("DELETE", f"{_path(kind, namespace)}/{name}")
        except ApiException as error:
            if error.status != 404:
                raise

    def watch(self, kind: str, namespace: str, name: str, seconds: float) -> Iterator[tuple[str, Object]]:
        """(event type, object) of one Pod or StatefulSet for at most `seconds`, starting with it as it is."""
        listing: dict[str, Callable[..., Any]] = {
            "Pod": self.core.list_namespaced_pod,
            "StatefulSet": self._apps.list_namespaced_stateful_set,
        }
        bound = max(1, round(seconds))
        events = Watch().stream(
            listing[kind],
            namespace,
            field_selector=f"metadata.name={name}",
            timeout_seconds=bound,
            deserialize=False,
        )
        for event in events:
            yield event["type"], event["object"]

    def log(self, pod: Object) -> str:
        """The last LOG_LINES lines of a Pod's log; why there is none, when there is none."""
        try:
            name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
            return str(
                self.core.read_namespaced_pod_log(
                    name, namespace, container=main_container(pod), tail_lines=LOG_LINES
                )
            )
        except (ApiException, HTTPError) as error:
            return f"(no log: {getattr(error, 'reason', error)})"

    def kubectl(
        self, *words: str, namespace: str, stdin: str | None = None, timeout: float = KUBECTL_SECONDS
    ) -> CommandResult:
        """Run the row's kubectl in a namespace. A non-zero exit is an observation.

        Raises ObservationError when it does not end in time or does not reach the API server.
        """
        command = [str(self.kubectl_path), "--namespace", namespace, *words]
        try:
            done = subprocess.run(
                command,
                input=stdin,
                capture_output=True,
                text=True,
                timeout=timeout,
                env=self.environment,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise ObservationError(f"kubectl {' '.join(words)} did not end within {timeout:.0f} s") from error
        if self._limited and words[0] in ("get", "describe") and "(Forbidden)" in done.stderr:
            not_supported(f"this account is refused kubectl {' '.join(words)} in namespace {namespace}")
        if done.returncode and UNREACHABLE.search(done.stderr):
            raise ObservationError(
                f"kubectl {' '.join(words)} got no answer from the API server: {done.stderr.strip()}"
            )
        return CommandResult(f"kubectl {' '.join(words)}", done.returncode, done.stdout, done.stderr)

    @property
    def environment(self) -> dict[str, str]:
        """For programs that a test starts itself: this cluster and no other."""
        cache = str(work_dir() / "kubectl-cache")
        return {**os.environ, "KUBECONFIG": str(self._kubeconfig), "KUBECACHEDIR": cache}

    def execute(self, namespace: str, pod: str, *command: str) -> CommandResult:
        """Run a command in a Pod's main container. A non-zero exit is an observation,
        a broken stream is ObservationError."""
        with self.open_stream(namespace, pod, *command, stdin=False) as streaming:
            streaming.run_forever(timeout=EXEC_SECONDS)
            stdout, stderr, outcome = (
                streaming.read_stdout(),
                streaming.read_stderr(),
                streaming.read_channel(ERROR_CHANNEL),
            )
        if not outcome:
            raise ObservationError(
                f"{command[0]} in Pod {namespace}/{pod} did not end within {EXEC_SECONDS:.0f} s"
            )
        return CommandResult(
            f"kubectl exec {pod} -- {' '.join(command)}",
            _status(json.loads(outcome)),
            stdout or "",
            stderr or "",
        )

    @contextmanager
    def open_stream(self, namespace: str, pod: str, *command: str, stdin: bool) -> Iterator[WSClient]:
        """A running command in a Pod's main container. Raises ObservationError when it cannot be started."""
        try:
            streaming: WSClient = stream(
                self.core.connect_get_namespaced_pod_exec,
                pod,
                namespace,
                container=main_container(self.get("Pod", namespace, pod)),
                command=list(command),
                stdin=stdin,
                stdout=True,
                stderr=True,
                tty=False,
                _preload_content=False,
            )
        except ApiException as error:
            raise ObservationError(f"no stream to Pod {namespace}/{pod}: {error.reason}") from error
        try:
            yield streaming
        finally:
            streaming.close()


def _path(kind: str, namespace: str) -> str:
    return COLLECTIONS[kind].format(f"namespaces/{namespace}")


def main_container(pod: Object) -> str:
    """The container that kubectl takes where none is named: a cluster may put others beside or before it."""
    named = pod["metadata"].get("annotations", {}).get("kubectl.kubernetes.io/default-container")
    return str(named or pod["spec"]["containers"][0]["name"])


def _message(text: str) -> str:
    try:
        return str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        return text


def _status(outcome: Mapping[str, Any]) -> int:
    """The exit status in what the API server says at the end of an exec.
    Raises ObservationError when the command never ran."""
    if outcome["status"] == "Success":
        return 0
    causes = outcome.get("details", {}).get("causes") or []
    for cause in causes:
        if cause.get("reason") == "ExitCode":
            return int(cause["message"])
    raise ObservationError(f"exec failed: {outcome.get('message')}")
