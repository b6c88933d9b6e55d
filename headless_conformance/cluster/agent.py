"""A client Pod that does things for tests inside the cluster, over one stream that stays open."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import allure

from headless_conformance.cluster.exec_stream import ExecStream
from headless_conformance.cluster.kube import Kube
from headless_conformance.cluster.timeouts import SILENCE_SECONDS
from headless_conformance.cluster.waiting import AT_REST_TIMEOUT, ObservationError, OutageError, eventually
from headless_conformance.core.errors import not_supported
from headless_conformance.core.mismatch import Where, items_of, require, require_equal, text_of

PROGRAM = (Path(__file__).parent / "agent_program.py").read_text()
UNRESOLVED = ("EAI_NONAME", "EAI_NODATA")
"""What the C library says of a name that is not there; which of them, depends on the search list."""

JOB_SECONDS = 2.0
"""How long one question or connection may take."""

ResolverResult = frozenset[str] | str
"""Addresses that a C library finds for a name, or the name of its EAI error."""


class _StreamEndedError(ObservationError):
    """The program in the Pod, or the Pod, is gone."""


class _NoAnswerError(ObservationError):
    """The C library was told nothing, by whichever server it asked last."""


class Agent:
    """Runs jobs in one Pod, in batches. Not for several threads."""

    def __init__(
        self,
        kube: Kube,
        namespace: str,
        pod: str,
        at_rest_timeout: Callable[[], float] = lambda: AT_REST_TIMEOUT,
        spare: Callable[[], str] | None = None,
        node: str = "",
    ) -> None:
        """`spare` gives the name of a Pod on another node, for when the node of this one does not answer;
        `node` is named where it matters on which one the Pod is."""
        self._kube = kube
        self._at_rest_timeout = at_rest_timeout
        self._spare = spare
        self.namespace = namespace
        self.pod = pod
        self.node = node
        self._open = ExitStack()
        self._stream: ExecStream | None = None

    def close(self) -> None:
        self._open.close()
        self._stream = None

    def do(self, jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Results of the jobs, in their order; every job has a time-out of its own.

        Raises ObservationError when the Pod does not answer; the next call starts anew.
        """
        begun = self._stream is not None
        try:
            return self._do(jobs)
        except _StreamEndedError:
            # A Pod that was replaced since the last call.
            if not begun:
                raise
            return self._do(jobs)
        except OutageError:
            if self._spare is None:
                raise
            self.pod, self._spare = self._spare(), None
            return self._do(jobs)

    def _do(self, jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        try:
            if self._stream is None:
                opened = self._kube.open_stream(
                    self.namespace, self.pod, "python3", "-c", PROGRAM, stdin=True
                )
                self._stream = self._open.enter_context(opened)
            self._stream.write(json.dumps(jobs) + "\n")
            line = self._stream.read_line(SILENCE_SECONDS)
            if line is None and self._stream.has_ended:
                said = self._stream.stderr
                raise _StreamEndedError(f"Pod {self.namespace}/{self.pod} ended {said}".rstrip())
            if line is None:
                self._kube.outages.look_at_api(SILENCE_SECONDS)
                raise ObservationError(
                    f"no answer of Pod {self.namespace}/{self.pod} in {SILENCE_SECONDS:.0f} s "
                    f"{self._stream.stderr}".rstrip()
                )
        except ObservationError:
            self.close()
            raise
        results: list[dict[str, Any]] = json.loads(line)
        return results

    def resolve(self, name: str) -> ResolverResult:
        """What the Pod's C library finds for a name."""
        (result,) = self.do([{"do": "resolve", "name": name}])
        return _found(result)

    def require(self, name: str, addresses: Iterable[str], *, within: float | None = None) -> None:
        """Wait until the Pod's C library finds exactly these addresses for a name."""
        __tracebackhide__ = True
        wanted = frozenset(addresses)

        def check(found: ResolverResult) -> None:
            require_equal(f"getaddrinfo {name}", found, wanted, where=self.where)

        self._require(name, check, "to resolve", self._at_rest_timeout() if within is None else within)

    def require_each(self, wanted: Mapping[str, Iterable[str]]) -> None:
        """Wait until the Pod's C library finds exactly these addresses for each of several names."""
        __tracebackhide__ = True

        def look() -> None:
            results = self.do([{"do": "resolve", "name": name} for name in wanted])
            for (name, addresses), result in zip(wanted.items(), results, strict=True):
                found = _found(result)
                require_equal(f"getaddrinfo {name}", found, frozenset(addresses), where=self.where)

        expecting = f"{len(wanted)} names to resolve in Pod {self.namespace}/{self.pod}"
        eventually(look, expecting=expecting, within=self._at_rest_timeout())

    def require_no_such_name(self, name: str, *, never: Iterable[str] = ()) -> None:
        """Wait until the Pod's C library finds that a name does not exist. ObservationError when it got no
        answer.

        With `never`, where others may answer for what the cluster does not know: or that it leads to none of
        these addresses. NotSupportedError then, when they do not answer.
        """
        __tracebackhide__ = True
        forbidden = frozenset(never)

        def check(found: ResolverResult) -> None:
            if found == "EAI_AGAIN":
                raise _NoAnswerError(
                    f"the C library in namespace {self.namespace} got no answer about {name}"
                )
            elsewhere = bool(forbidden) and isinstance(found, frozenset) and not found & forbidden
            require(
                elsewhere or found in UNRESOLVED,
                f"getaddrinfo {name}",
                expected=f"none of {items_of(forbidden)}" if forbidden else "no such name",
                observed=found,
                where=self.where,
            )

        try:
            self._require(name, check, "not to exist", AT_REST_TIMEOUT)
        except _NoAnswerError as error:
            if forbidden:
                not_supported(f"nobody answers for names outside the cluster: {error}")
            raise

    def _require(
        self, name: str, check: Callable[[ResolverResult], None], expecting: str, within: float
    ) -> None:
        __tracebackhide__ = True
        results = list[ResolverResult]()

        def look() -> None:
            results.append(self.resolve(name))
            check(results[-1])

        try:
            eventually(look, expecting=f"{name} {expecting} in namespace {self.namespace}", within=within)
        finally:
            last = text_of(results[-1]) if results else "not asked"
            allure.attach(f"{name}: {last}", f"C library in {self.namespace}", allure.attachment_type.TEXT)

    @property
    def where(self) -> Where:
        """Its Pod, for a mismatch."""
        return Where(pod=self.pod, node=self.node, namespace=self.namespace)

    def mysql_servers(self, address: str, port: int, times: int) -> Counter[str]:
        """Which MySQL servers `times` new connections to an address meet, by a digest of each one's
        certificate. A Mismatch when there is no such connection."""
        job = {"do": "mysql_servers", "server": address, "port": port, "times": times}
        (result,) = self.do([{**job, "timeout": JOB_SECONDS}])
        require(
            "servers" in result,
            f"MySQL at {address}, {times} connections",
            expected="an answer",
            observed=f"error: {result.get('problem')}",
            where=self.where,
        )
        return Counter(result["servers"])

    def read(self, path: str) -> str:
        """A file of the Pod."""
        (result,) = self.do([{"do": "read", "path": path}])
        return str(result["text"])

    def environment(self) -> dict[str, str]:
        """The Pod's environment variables."""
        (result,) = self.do([{"do": "environment"}])
        return dict(result["variables"])


def _found(result: dict[str, Any]) -> ResolverResult:
    """What `resolve` found, as the agent's program says it."""
    return result["error"] if "error" in result else frozenset(result["addresses"])
