"""Reading from an API server: JSON in pages and streams to Pods, each with a timeout that holds, and nothing
that writes."""

from __future__ import annotations

import json
import os
import re
import shlex
import threading
import time
from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any
from urllib.parse import quote

import urllib3.exceptions
import yaml
from kubernetes import client, config
from websocket import WebSocketBadStatusException, WebSocketException

from headless_conformance.audit.errors import (
    InspectionError,
    MissingRightError,
    NoSuchObjectError,
    PermanentError,
    UnauthenticatedError,
    UnreachableApiError,
)
from headless_conformance.audit.parallel import side_by_side
from headless_conformance.cluster.api_client import (
    ask_loopback_directly,
    configuration_without_retries,
    message_of,
)
from headless_conformance.cluster.api_paths import RESOURCES, collection_path
from headless_conformance.cluster.websocket import open_websocket
from headless_conformance.core.errors import UserError
from headless_conformance.core.objects import Object

API_CONNECT_SECONDS = 5.0
READ_SECONDS = 8.0
"""Bounds on a connection to the API server and on each silence of it."""
_PAGE = 500
"""Objects in one answer; the API server's own programs use the same number."""
BUSY = 429
LONGEST_BUSY_SECONDS = 5.0
LOGIN_SECONDS = 60.0
"""Bound on a program that the kubeconfig names for credentials: it may let a person log in first."""
EXPIRED = 410
REFUSALS = (400, 422)
"""A request that is refused as it is, such as by an admission webhook."""

POOL = re.compile(r"^\w+Pool\(host='[^']*', port=\d+\): ")
"""How the HTTP library begins what it says."""

TRANSPORT_ERRORS = (urllib3.exceptions.HTTPError, client.ApiException, OSError)
"""What the API client raises where no answer came."""


def path_of(kind: str, namespace: str = "", name: str = "") -> str:
    """The path of an object or of a list; of all namespaces where none is named."""
    return collection_path(kind, namespace) + (f"/{quote(name)}" if name else "")


class Access:
    """One API server. Once it stopped answering, nothing more is asked, so that a run ends within seconds."""

    def __init__(self, api: Any, context: str, kubectl: str = "kubectl") -> None:
        self.context = context
        self.kubectl = kubectl
        """How a line for a person's shell begins that is meant for this cluster."""
        self.requests = 0
        """How many requests were sent, streams included."""
        self._api = api
        self._skew = 0.0
        self._down = ""
        self._lock = threading.Lock()

    @property
    def server(self) -> str:
        """The address of the API server."""
        return str(self._api.configuration.host)

    def now(self) -> float:
        """Seconds since the epoch by the clock of the API server, as far as its last answer told."""
        return time.time() + self._skew

    def get(self, path: str, right: str, **query: str) -> Object:
        """One JSON answer. `right` says what is done, for the sentence in which it is refused.

        Raises UnauthenticatedError, MissingRightError, NoSuchObjectError, UnreachableApiError or, for
        anything else that is no answer, InspectionError.
        """
        answer = self._answer(path, query)
        self._learn_time(answer)
        text = _content(answer, path, right)
        try:
            found = json.loads(text)
        except ValueError:
            raise InspectionError(f"what the API server answers to {path} is no JSON") from None
        if not isinstance(found, dict):
            raise InspectionError(f"what the API server answers to {path} is no object")
        return found

    def server_version(self) -> tuple[str, tuple[int, ...]]:
        """The version in the API server's words, and its major and minor number as far as they are told.
        Raises like `get`."""
        found = self.get("/version", "read /version")
        # Some vendors add a sign to the minor.
        digits = ["".join(filter(str.isdecimal, str(found.get(part, "")))) for part in ("major", "minor")]
        return str(found.get("gitVersion", "")), tuple(int(part) for part in digits if part)

    def require_answer(self) -> None:
        """Whoever is reached through the API server is blamed only while that answers. Raises
        UnreachableApiError."""
        try:
            self.server_version()
        except UnreachableApiError:
            raise
        except InspectionError:
            return

    def send(self, method: str, path: str, right: str, body: Object) -> None:
        """Write, which only a probe does: it was asked for by name. Raises like `get`."""
        header = {"Accept": "application/json", "Content-Type": "application/json"}
        try:
            answer = self._call(method, path, {}, header, body)
        except TRANSPORT_ERRORS as error:
            raise self._unreachable(error) from None
        _content(answer, path, right)

    def list_all(self, kind: str, namespace: str = "", **query: str) -> list[Object]:
        """All objects of a kind, page by page. Raises like `get`."""
        where = f"in namespace {namespace}" if namespace else "in all namespaces"
        right = f"list {RESOURCES[kind].name} {where}"
        for paged in (True, False):
            try:
                return self._pages(path_of(kind, namespace), right, query, paged=paged)
            except InspectionError as error:
                if not paged or f"answers {EXPIRED}" not in error.reason:
                    raise
        raise AssertionError("unreachable")

    def _pages(self, path: str, right: str, query: Mapping[str, str], *, paged: bool) -> list[Object]:
        found: list[Object] = []
        more = {"limit": str(_PAGE)} if paged else {}
        while True:
            page = self.get(path, right, **query, **more)
            found += [item for item in page.get("items") or [] if isinstance(item, dict)]
            following = (page.get("metadata") or {}).get("continue")
            if not following:
                return found
            more = {"limit": str(_PAGE), "continue": str(following)}

    def stream(self, path: str, right: str, query: Sequence[tuple[str, str]], seconds: float) -> Any:
        """An open WebSocket to a Pod, each operation of which ends after `seconds`. Raises like `get`."""
        self._require_up()
        self._count()
        try:
            return open_websocket(self._api, path, query, seconds)
        except WebSocketBadStatusException as error:
            if error.status_code == 401:
                raise UnauthenticatedError(right) from None
            if error.status_code == 403:
                raise MissingRightError(right) from None
            if error.status_code == 404:
                raise NoSuchObjectError(f"the API server knows no {path}") from None
            said = message_of(error.resp_body or b"")
            kind = PermanentError if error.status_code in REFUSALS else InspectionError
            raise kind(f"the API server answers {error.status_code} to {path}: {said}") from None
        except (WebSocketException, OSError, ValueError) as error:
            raise InspectionError(f"no stream {path}: {_words(error)}") from None

    def _answer(self, path: str, query: Mapping[str, str], *, again: bool = True) -> Any:
        try:
            answer = self._call("GET", path, query, {"Accept": "application/json"}, None)
        except TRANSPORT_ERRORS as error:
            # A connection that was kept may have been closed by the other side meanwhile.
            if again and isinstance(error, urllib3.exceptions.ProtocolError):
                return self._answer(path, query, again=False)
            raise self._unreachable(error) from None
        if answer.status == BUSY and again:
            time.sleep(min(_seconds(answer.headers.get("Retry-After")), LONGEST_BUSY_SECONDS))
            return self._answer(path, query, again=False)
        return answer

    def _call(
        self, method: str, path: str, query: Mapping[str, str], header: Mapping[str, str], body: Object | None
    ) -> Any:
        """One request, read to its end.

        Raises UnreachableApiError when there was no answer before, else TRANSPORT_ERRORS.
        """
        self._require_up()
        method, url, sent, content, _ = self._api.param_serialize(
            method,
            path,
            query_params=list(query.items()),
            header_params=dict(header),
            body=body,
            auth_settings=["BearerToken"],
        )
        self._count()
        timeouts = (API_CONNECT_SECONDS, READ_SECONDS)
        answer = self._api.call_api(method, url, sent, content, _request_timeout=timeouts)
        answer.read()
        return answer

    def _unreachable(self, error: Exception) -> UnreachableApiError:
        """Ask nothing more."""
        self._down = f"the API server {self.server} does not answer ({_words(error)})"
        return UnreachableApiError(self._down)

    def _require_up(self) -> None:
        if self._down:
            raise UnreachableApiError(self._down)

    def _count(self) -> None:
        with self._lock:
            self.requests += 1

    def _learn_time(self, answer: Any) -> None:
        try:
            self._skew = parsedate_to_datetime(answer.headers.get("Date")).timestamp() - time.time()
        except (TypeError, ValueError):
            return


def open_access(kubeconfig: str, context: str) -> Access:
    """The API server of a context of the person's kubeconfig; inside a Pod without one, that of its service
    account.

    `kubeconfig` is what KUBECONFIG may hold, or empty. UserError when there is no such thing, or when a
    program that the kubeconfig names for credentials does not end within LOGIN_SECONDS.
    """
    opening = {"access": partial(_open, kubeconfig, context)}
    opened = side_by_side(opening, time.monotonic() + LOGIN_SECONDS)["access"]
    if isinstance(opened, TimeoutError):
        raise UserError(
            f"The program that the kubeconfig names for credentials did not end within {LOGIN_SECONDS:.0f} s;"
            " see users[].user.exec in it."
        )
    if isinstance(opened, Exception):
        raise opened
    return opened


def _open(kubeconfig: str, context: str) -> Access:
    configuration = configuration_without_retries()
    try:
        if not kubeconfig and not context and config.incluster_config.SERVICE_HOST_ENV_NAME in os.environ:
            config.load_incluster_config(client_configuration=configuration)
            return Access(client.ApiClient(configuration), "in-cluster")
        config.load_kube_config(
            kubeconfig or None, context or None, client_configuration=configuration, persist_config=False
        )
        ask_loopback_directly(configuration)
        chosen = context or config.list_kube_config_contexts(kubeconfig or None)[1]["name"]
    except (config.ConfigException, OSError, ValueError, TypeError, KeyError, yaml.YAMLError) as error:
        raise UserError(
            f"The kubeconfig does not lead to a cluster: {_words(error)}; see --context."
        ) from None
    return Access(
        client.ApiClient(configuration),
        chosen,
        f"kubectl --context {shlex.quote(context)}" if context else "kubectl",
    )


def _content(answer: Any, path: str, right: str) -> bytes:
    """What was answered. Raises UnauthenticatedError, MissingRightError, NoSuchObjectError or
    InspectionError for anything but success."""
    text: bytes = answer.read() or b""
    if answer.status == 401:
        raise UnauthenticatedError(right)
    if answer.status == 403:
        raise MissingRightError(right)
    if answer.status == 404:
        raise NoSuchObjectError(f"the API server knows no {path}")
    if not 200 <= answer.status <= 299:
        raise InspectionError(f"the API server answers {answer.status} to {path}: {message_of(text)}")
    return text


def _seconds(text: str | None) -> float:
    return float(text) if text and text.isdecimal() else 1.0


def _words(error: Exception) -> str:
    """One line about an error, without the wrapping of the HTTP library."""
    reason = getattr(error, "reason", None) or error
    text = str(reason).partition("\n")[0]
    return POOL.sub("", text.rpartition(">: ")[2]) or type(error).__name__
