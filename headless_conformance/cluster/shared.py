"""What the workers of one run make once and share, and a list of what the run created,
so that it removes that and no more."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

from filelock import FileLock
from kubernetes.client.exceptions import ApiException

from headless_conformance.cluster.kube import Kube
from headless_conformance.cluster.model import Cluster
from headless_conformance.cluster.outages import Outages
from headless_conformance.cluster.waiting import ObservationError, OutageError, eventually
from headless_conformance.core.errors import NotSupportedError, UserError, not_supported
from headless_conformance.core.mismatch import Mismatch, Observation, Where, require_equal, require_items
from headless_conformance.core.objects import Object
from headless_conformance.core.paths import work_dir
from headless_conformance.core.run_identity import RUN_LABEL

LEDGER = "created.jsonl"
ADDRESS = "cluster.json"
RESTRICTED = "restricted"
"""Pod security of namespaces of our own:
the API server itself then checks that our Pods ask for no privilege."""
BASELINE = "baseline"
"""Where the document's own `kubectl run` has to be possible, which says nothing about privileges."""
OTHER = "other"
"""Role of the namespace that has nothing of the document in it."""


def folder_of_run(run: str) -> Path:
    return work_dir() / "shared" / run


def folder_of_cluster(run: str, cluster: Cluster) -> Path:
    """Where the workers of a run keep what they share on one cluster; created on demand."""
    digest = hashlib.sha256(str(cluster.kubeconfig).encode()).hexdigest()[:8]
    folder = folder_of_run(run) / digest
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@dataclass(frozen=True)
class RunState:
    """One run on one cluster."""

    folder: Path
    kube: Kube
    cluster: Cluster
    run: str
    """Names the run, also on the namespaces that it creates."""

    def write_address(self) -> None:
        """For `remove_created`, which knows no more than the folder."""
        address = {"kubeconfig": str(self.cluster.kubeconfig), "kubectl": str(self.cluster.kubectl)}
        (self.folder / ADDRESS).write_text(json.dumps(address))

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """What `make` returns (plain JSON values), made by the first worker that asks;
        its failure is every worker's."""
        timeout = self.cluster.stack_ready_timeout + 2 * self.cluster.pod_ready_timeout
        return self._once(name, make, timeout)

    def begin(self, name: str, make: Callable[[], Any]) -> None:
        """The same ahead of need: does not wait while another worker makes it, and leaves a failure to those
        who ask for what `make` returns."""
        with suppress(Exception):
            self._once(name, make, timeout=0)

    def _once(self, name: str, make: Callable[[], Any], timeout: float) -> Any:
        done = self.folder / f"{name}.json"
        with FileLock(self.folder / f"{name}.lock", timeout=timeout):
            if not done.exists():
                try:
                    outcome = {"result": make()}
                except NotSupportedError as error:
                    done.write_text(json.dumps({"not_supported": str(error)}))
                    raise
                except Exception as error:
                    outcome = {"failed": f"{type(error).__name__}: {error}"}
                    if isinstance(error, OutageError):
                        outcome["outage"] = str(error)
                    elif isinstance(error, (Mismatch, ObservationError)) and error.observation:
                        outcome["observation"] = error.observation.fields()
                    done.write_text(json.dumps(outcome))
                    raise
                done.write_text(json.dumps(outcome))
        outcome = json.loads(done.read_text())
        if "not_supported" in outcome:
            not_supported(outcome["not_supported"])
        if outcome.get("outage"):
            raise OutageError(f"{outcome['outage']}, and set-up `{name}` failed")
        if "failed" in outcome:
            fields = outcome.get("observation")
            raise ObservationError(
                f"set-up `{name}` of this run failed: {outcome['failed']}",
                Observation.from_fields(fields) if fields else None,
            )
        return outcome["result"]

    def reserve(self, kind: str, namespace: str, name: str) -> None:
        """Note that an object is about to be created by this run.
        UserError when it is there already and not on its way out.

        In a namespace that this run created, nothing was there before, and all goes with the namespace.
        """
        if self._is_own(namespace):
            return

        def gone() -> None:
            try:
                found = self.kube.get(kind, namespace, name)
            except ApiException as error:
                if error.status == 404:
                    return
                raise
            if "deletionTimestamp" not in found["metadata"]:
                raise UserError(
                    f"{kind} {name} exists in namespace {namespace} and is not ours; "
                    "delete it or choose another NAMESPACE."
                )
            where = Where(namespace=namespace)
            raise Mismatch(Observation(f"{kind} {name}", "absent", "being deleted", where))

        eventually(
            gone,
            expecting=f"{kind} {namespace}/{name} of an earlier run to be gone",
            within=self.cluster.pod_ready_timeout,
        )
        self._note(kind, namespace, name)

    def require_unselected(self, namespace: str, selector: Mapping[str, str]) -> None:
        """UserError when a namespace that this run did not create has Pods already that a Service with this
        selector would catch."""
        if self._is_own(namespace):
            return
        labels = ",".join(f"{name}={value}" for name, value in selector.items())

        def gone() -> None:
            pods = [pod["metadata"]["name"] for pod in self.kube.list("Pod", namespace, labelSelector=labels)]
            require_items(f"Pods with the label {labels}", pods, [], where=Where(namespace=namespace))

        try:
            eventually(
                gone,
                expecting=f"no Pod with the label {labels} in {namespace}",
                within=self.cluster.pod_ready_timeout,
            )
        except Mismatch:
            raise UserError(
                f"Pods in namespace {namespace} have the label {labels}, "
                "which the document's Service selects; "
                "choose another NAMESPACE."
            ) from None

    def _is_own(self, namespace: str) -> bool:
        ledger = self.folder / LEDGER
        return ledger.exists() and _entry("Namespace", "", namespace) in ledger.read_text().splitlines()

    def _note(self, kind: str, namespace: str, name: str) -> None:
        with (self.folder / LEDGER).open("a") as ledger:
            ledger.write(f"{_entry(kind, namespace, name)}\n")

    def create_namespace(self, role: str, security: str = RESTRICTED) -> str:
        """A new namespace with a random name and a level of Pod security.

        NotSupportedError where only one may be used, which is there.
        """
        if self.cluster.only_namespace:
            not_supported(f"it needs a namespace of its own beside {self.cluster.only_namespace}")
        name = f"headless-{role}-{uuid4().hex[:8]}"
        self._note("Namespace", "", name)
        labels = {"pod-security.kubernetes.io/enforce": security, RUN_LABEL: self.run}
        manifest: Object = {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": name, "labels": labels},
        }
        self.kube.request("POST", "/api/v1/namespaces", manifest)
        for item in self.cluster.namespace_objects:
            self.kube.create(name, dict(item))
            if item["kind"] == "RoleBinding":
                eventually(
                    lambda: self._require_rights(name),
                    expecting=f"rights of the run in {name}",
                    within=self.cluster.pod_ready_timeout,
                )
        return name

    def own_namespace(self, role: str, security: str = RESTRICTED) -> str:
        """The run's one namespace for a role, created where it is not there yet."""
        return str(self.once(f"{role}-namespace", lambda: self.create_namespace(role, security)))

    def bring_secrets(self, namespace: str) -> None:
        """What Pods pull their images with, into a namespace that is not of our own;
        removed at the end of the run."""
        for item in self.cluster.namespace_objects:
            if item["kind"] == "Secret":
                self.reserve("Secret", namespace, item["metadata"]["name"])
                self.kube.create(namespace, dict(item))

    def _require_rights(self, namespace: str) -> None:
        """The API server learns of new rights with a delay."""
        asked = {"verb": "create", "group": "apps", "resource": "statefulsets", "namespace": namespace}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": asked},
        }
        answer = self.kube.request("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)
        subject, where = (
            "SelfSubjectAccessReview create-statefulsets .status.allowed",
            Where(namespace=namespace),
        )
        require_equal(subject, answer["status"]["allowed"], True, where=where)

    @contextmanager
    def namespace(self, role: str) -> Iterator[str]:
        """A namespace of our own for one test, deleted afterwards without waiting for it to be gone.

        Not in a cluster that ends with the run: the namespace controller has to go through every kind of
        object.
        """
        name = self.create_namespace(role)
        try:
            yield name
        finally:
            if not self.cluster.ends_with_run:
                delete_namespace(self.kube, name)


@dataclass(frozen=True)
class SetUp:
    """What the workers of a run share and what takes time to start: asked for once, and waited for once."""

    shared: RunState
    name: str
    create: Callable[[], Any]
    """Asks for it without waiting; what it returns is plain JSON."""
    finish: Callable[[Any], Any]
    """Gets what `create` returned, waits, and returns plain JSON."""

    def begin(self) -> None:
        """Ask for it ahead of need, where no worker has yet."""
        self.shared.begin(self._created, self.create)

    def created(self) -> Any:
        """What `create` returned, with nothing waited for."""
        return self.shared.once(self._created, self.create)

    def finished(self) -> Any:
        """What `finish` returned: it is there."""
        return self.shared.once(self.name, partial(self.finish, self.created()))

    @property
    def _created(self) -> str:
        return f"{self.name}-created"


def _entry(kind: str, namespace: str, name: str) -> str:
    """An object in a run's list."""
    return json.dumps({"kind": kind, "namespace": namespace, "name": name})


def delete_namespace(kube: Kube, name: str) -> None:
    """Start the deletion of a namespace; one that is gone or going is fine."""
    try:
        kube.request("DELETE", f"/api/v1/namespaces/{name}")
    except ApiException as error:
        if error.status not in (404, 409):
            raise


def remove_created(folder: Path) -> None:
    """Start the deletion of everything in a run's list, the newest first."""
    if not (folder / LEDGER).exists():
        return
    where = json.loads((folder / ADDRESS).read_text())
    kubeconfig = Path(where["kubeconfig"])
    kube = Kube(kubeconfig, Path(where["kubectl"]), Outages(folder, kubeconfig, kubelets=False))
    for line in reversed((folder / LEDGER).read_text().splitlines()):
        created = json.loads(line)
        if created["kind"] == "Namespace":
            delete_namespace(kube, created["name"])
        else:
            kube.delete(created["kind"], created["namespace"], created["name"])
