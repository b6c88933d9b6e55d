"""The cluster's API as the tests see it: objects are the JSON that the API server gives,
kubectl is of its minor."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubernetes import client
from kubernetes.client.exceptions import ApiException
from kubernetes.watch import Watch
from urllib3.exceptions import HTTPError, MaxRetryError, NewConnectionError, ProtocolError
from websocket import WebSocketBadStatusException, WebSocketException

from headless_conformance.cluster.api_client import api_client, message_of
from headless_conformance.cluster.api_paths import collection_path
from headless_conformance.cluster.exec_stream import ExecStream
from headless_conformance.cluster.outages import Outages
from headless_conformance.cluster.pending import PendingPods, shortened
from headless_conformance.cluster.refusals import refusal_in
from headless_conformance.cluster.timeouts import COMMAND_SECONDS, SILENCE_SECONDS, WATCH_SECONDS
from headless_conformance.cluster.waiting import ObservationError, reached
from headless_conformance.cluster.websocket import open_websocket
from headless_conformance.core.errors import NotSupportedError, not_supported
from headless_conformance.core.kubectl_environment import kubectl_environment
from headless_conformance.core.mismatch import require
from headless_conformance.core.objects import Object

LOG_LINES = 40
LOG_SECONDS = 10.0
"""Bound on a silence while a log is read, which no test waits for."""
UNREACHABLE = re.compile(
    r"Unable to connect to the server|connection to the server \S+ was refused|TLS handshake timeout"
    r"|etcdserver: |unexpected EOF|connection reset by peer|\(Forbidden\): .*User \"[^\"]+\" cannot "
)
"""What kubectl says when it has not heard the API server's word;
one that is just starting does not know any rights yet."""
REASON = re.compile(r'Error from server \((?P<reason>\w+)\)|The \S+ "[^"]*" is invalid: ')
"""How kubectl says for which reason (metav1.StatusReason) the API server refused."""
FORBIDDEN = 403
NO_SERVICE_ACCOUNT = "error looking up service account"
"""What the API server says of a Pod whose namespace is so new that it has no service account yet."""
CONTENT_TYPES = {"PATCH": "application/merge-patch+json"}


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

    @property
    def _reason(self) -> str:
        """Why the API server refused, such as NotFound, where kubectl says that it did."""
        found = REASON.search(self.stderr)
        return (found["reason"] or "Invalid") if found else ""

    def require_success(self, subject: str = "") -> None:
        """Raise a Mismatch with what the command said, unless it ended with status 0."""
        __tracebackhide__ = True
        require(
            self.status == 0,
            f"{subject or self.command}: exit status",
            expected="0",
            observed=f"{self.status} {self._reason}".rstrip(),
            details=self.transcript(),
        )


class Kube:
    """The API server and kubectl of one cluster.

    With `limited`, this account may be refused to look at what is not the run's: a test that has to is then
    not supported, and what Pods wait for is handed to `say`. kubectl is needed for `kubectl` alone.
    """

    def __init__(
        self,
        kubeconfig: Path,
        kubectl: Path,
        outages: Outages,
        *,
        limited: bool = False,
        say: Callable[[str], object] = lambda text: None,
    ) -> None:
        self._limited = limited
        self.pending = PendingPods(say, self.last_warning) if limited else None
        """What Pods wait for on a cluster where others decide about images, volumes, nodes and policies."""
        self._kubeconfig = kubeconfig
        self.kubectl_path = kubectl
        self.outages = outages
        self._api = api_client(kubeconfig)
        self._core = client.CoreV1Api(self._api)
        self._apps = client.AppsV1Api(self._api)

    def request(self, method: str, path: str, body: Object | None = None, **query: str) -> Object:
        """One API call, JSON in and out. Raises ApiException with the server's own words; NotSupportedError
        with them when a rule of the cluster, such as a quota, refuses to store something."""
        header = {"Accept": "application/json", "Content-Type": CONTENT_TYPES.get(method, "application/json")}
        method, url, header, sent, _ = self._api.param_serialize(
            method,
            path,
            query_params=list(query.items()),
            header_params=header,
            body=body,
            auth_settings=["BearerToken"],
        )

        def send() -> tuple[int, str]:
            self.outages.require_api()
            answer = self._api.call_api(method, url, header, sent)
            return answer.status, answer.read().decode()

        with self._watched_for_silence(f"{method} {path}"):
            status, text = reached(
                send, in_vain=lambda error: _is_refused(error) or (method == "GET" and _is_cut(error))
            )
        if status == 403 and method == "GET" and self._limited:
            not_supported(f"this account is refused {path}")
        if not 200 <= status <= 299:
            said = message_of(text.encode())
            if method != "GET" and (refusal := refusal_in(said)):
                not_supported(f"this cluster refuses it: {refusal}")
            raise ApiException(status=status, reason=said)
        return dict(json.loads(text))

    @contextmanager
    def _watched_for_silence(self, what: str) -> Iterator[None]:
        """Note when a call took long; raise OutageError in the place of its error, when the API server does
        not answer at all."""
        begun = time.monotonic()
        try:
            yield
        except (HTTPError, OSError, subprocess.TimeoutExpired):
            self.outages.look_at_api(time.monotonic() - begun)
            raise
        finally:
            self.outages.note_stall(time.monotonic() - begun, what)

    def get(self, kind: str, namespace: str, name: str) -> Object:
        """One object of a namespace."""
        return self.request("GET", f"{collection_path(kind, namespace)}/{name}")

    def list(self, kind: str, namespace: str, **query: str) -> list[Object]:
        """The objects of a namespace; `query` are the API's own, as labelSelector."""
        return [
            dict(item)
            for item in self.request("GET", collection_path(kind, namespace), None, **query)["items"]
        ]

    def create(self, namespace: str, manifest: Object, **query: str) -> Object:
        """Create an object; `dryRun="All"` asks the API server without leaving anything."""
        path = collection_path(manifest["kind"], namespace)
        return reached(lambda: self.request("POST", path, manifest, **query), in_vain=_lacks_service_account)

    def patch(self, kind: str, namespace: str, name: str, change: Object, **query: str) -> Object:
        """Change an object by a merge patch."""
        return self.request("PATCH", f"{collection_path(kind, namespace)}/{name}", change, **query)

    def replace(self, namespace: str, manifest: Object, **query: str) -> Object:
        """Put an object in the place of the one with its name."""
        name = manifest["metadata"]["name"]
        return self.request(
            "PUT", f"{collection_path(manifest['kind'], namespace)}/{name}", manifest, **query
        )

    def delete(self, kind: str, namespace: str, name: str) -> None:
        """Delete an object; one that is gone is fine. Does not wait."""
        try:
            self.request("DELETE", f"{collection_path(kind, namespace)}/{name}")
        except ApiException as error:
            if error.status != 404:
                raise

    def last_warning(self, owner: Object) -> str:
        """What the newest warning about an object says, shortened; empty where there is none to be seen."""
        selector = f"involvedObject.uid={owner['metadata']['uid']},type=Warning"
        try:
            found = self.list("Event", owner["metadata"]["namespace"], fieldSelector=selector)
        except (ApiException, NotSupportedError):
            return ""
        found.sort(key=lambda event: event.get("lastTimestamp") or event.get("eventTime") or "")
        return shortened(f"{found[-1].get('reason', '')}: {found[-1].get('message', '')}") if found else ""

    def watch(self, kind: str, namespace: str, name: str, seconds: float) -> Iterator[tuple[str, Object]]:
        """(event type, object) of one Pod or StatefulSet, starting with it as it is, for at most `seconds`
        and for at most WATCH_SECONDS."""
        listing: dict[str, Callable[..., Any]] = {
            "Pod": self._core.list_namespaced_pod,
            "StatefulSet": self._apps.list_namespaced_stateful_set,
        }
        self.outages.require_api()
        events = Watch().stream(
            listing[kind],
            namespace,
            field_selector=f"metadata.name={name}",
            timeout_seconds=max(1, round(min(seconds, WATCH_SECONDS))),
            deserialize=False,
        )
        try:
            for event in events:
                yield event["type"], event["object"]
        except (HTTPError, OSError, KeyError):
            # A KeyError: the server ended the watch with an ERROR event, over which a client stumbles that
            # does not deserialise.
            self.outages.look_at_api()

    def log(self, pod: Object) -> str:
        """The last LOG_LINES lines of a Pod's log; why there is none, when there is none."""
        try:
            name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
            self.outages.require_node(node_of(pod))
            return str(
                self._core.read_namespaced_pod_log(
                    name,
                    namespace,
                    container=main_container(pod),
                    tail_lines=LOG_LINES,
                    _request_timeout=LOG_SECONDS,
                )
            )
        except (ApiException, HTTPError, ObservationError) as error:
            return f"(no log: {getattr(error, 'reason', error)})"

    def kubectl(
        self, *words: str, namespace: str, stdin: str | None = None, timeout: float = COMMAND_SECONDS
    ) -> CommandResult:
        """Run the row's kubectl in a namespace. A non-zero exit is an observation.

        Raises ObservationError when it does not end in time or does not reach the API server.
        """
        command = [str(self.kubectl_path), "--namespace", namespace, *words]
        self.outages.require_api()
        try:
            with self._watched_for_silence(f"kubectl {words[0]}"):
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
            self.outages.look_at_api()
            raise ObservationError(
                f"kubectl {' '.join(words)} got no answer from the API server: {done.stderr.strip()}"
            )
        return CommandResult(f"kubectl {' '.join(words)}", done.returncode, done.stdout, done.stderr)

    @property
    def environment(self) -> dict[str, str]:
        """For programs that a test starts itself: this cluster and no other."""
        return kubectl_environment(self._kubeconfig)

    def execute(self, namespace: str, pod: str, *command: str) -> CommandResult:
        """Run a command in a Pod's main container. A non-zero exit is an observation,
        a broken stream is ObservationError."""
        with self.open_stream(namespace, pod, *command, stdin=False) as stream:
            status = stream.read_status(COMMAND_SECONDS)
        if status is None:
            self.outages.look_at_api(COMMAND_SECONDS)
            raise ObservationError(
                f"{command[0]} in Pod {namespace}/{pod} did not end within {COMMAND_SECONDS:.0f} s"
            )
        return CommandResult(
            f"kubectl exec {pod} -- {' '.join(command)}", status, stream.stdout, stream.stderr
        )

    @contextmanager
    def open_stream(self, namespace: str, pod: str, *command: str, stdin: bool) -> Iterator[ExecStream]:
        """A running command in a Pod's main container. Raises ObservationError when it cannot be started."""
        found = self.get("Pod", namespace, pod)
        node = node_of(found)
        self.outages.require_node(node)
        query = [("command", word) for word in command]
        query += [("container", main_container(found)), ("stdout", "true"), ("stderr", "true")]
        query += [("stdin", "true")] if stdin else []
        path = f"{collection_path('Pod', namespace)}/{pod}/exec"
        try:
            with self._watched_for_silence(f"exec in Pod {namespace}/{pod}"):
                socket = open_websocket(self._api, path, query, SILENCE_SECONDS)
        except (WebSocketException, OSError, ValueError) as error:
            if self._limited and getattr(error, "status_code", None) == FORBIDDEN:
                not_supported(f"this account is refused pods/exec in namespace {namespace}")
            self.outages.look_at_node(node)
            raise ObservationError(f"no stream to Pod {namespace}/{pod}: {_words(error)}") from error
        stream = ExecStream(socket, f"{namespace}/{pod}", lambda: self.outages.look_at_node(node))
        try:
            yield stream
        finally:
            stream.close()


def _is_refused(error: BaseException) -> bool:
    """Whether a request never left, as there was nobody to take it."""
    return isinstance(error, MaxRetryError) and isinstance(error.reason, NewConnectionError)


def _is_cut(error: BaseException) -> bool:
    """Whether the other side ended the connection before it answered."""
    return isinstance(getattr(error, "reason", error), ProtocolError)


def _lacks_service_account(error: BaseException) -> bool:
    """Whether a Pod was refused because the control plane has not finished its namespace."""
    is_refusal = isinstance(error, ApiException) and error.status == FORBIDDEN
    return is_refusal and NO_SERVICE_ACCOUNT in str(error)


def main_container(pod: Object) -> str:
    """The container that kubectl takes where none is named: a cluster may put others beside or before it."""
    named = pod["metadata"].get("annotations", {}).get("kubectl.kubernetes.io/default-container")
    return str(named or pod["spec"]["containers"][0]["name"])


def node_of(pod: Object) -> str:
    """The node of a Pod; empty before it has one."""
    return str(pod.get("spec", {}).get("nodeName", ""))


def _words(error: Exception) -> str:
    """What the API server says about a stream that it refuses."""
    body = error.resp_body if isinstance(error, WebSocketBadStatusException) else None
    return message_of(body) if body else str(error)
