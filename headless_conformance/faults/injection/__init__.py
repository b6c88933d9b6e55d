"""Puts one experiment into a run: loaded only with `-p headless_conformance.faults.injection`. Specs and their fixtures do not know of it."""

from __future__ import annotations

import json
import os
from collections.abc import Generator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from headless_conformance.cluster.dns_answer import reverse_name
from headless_conformance.cluster.headless_set import HeadlessSet
from headless_conformance.cluster.kube import Kube
from headless_conformance.cluster.manifests import ManifestFolder
from headless_conformance.cluster.model import DEFAULT_DOMAIN
from headless_conformance.core.settings import Settings
from headless_conformance.faults import model as experiments
from headless_conformance.faults.injection.changes import patched_folder_class
from headless_conformance.faults.injection.kind import TO_UNDO, ChangedKindProvider, change_dns, undo
from headless_conformance.faults.injection.kubectl import run_kubectl
from headless_conformance.faults.injection.simulated import ChangedSimulatedProvider, ExperimentCluster
from headless_conformance.faults.model import Experiment
from headless_conformance.plugin.context import Run, run_context
from headless_conformance.providers.interface import ClusterProvider
from headless_conformance.results.verdict import FAILING, CaseResult

FILE_VARIABLE = "HEADLESS_CONFORMANCE_EXPERIMENT"
"""Path of the experiment's file."""
RESULT_VARIABLE = "HEADLESS_CONFORMANCE_RESULT"
"""Path that the outcomes are written to, as JSON."""

KUBE_PROXY = "k8s-app=kube-proxy"

EXPERIMENT = pytest.StashKey[Experiment]()


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    experiment = config.stash[EXPERIMENT] = experiments.load(Path(os.environ[FILE_VARIABLE]))
    ExperimentCluster.experiment = experiment
    # Registered after the plugins of conftest.py, so that its fixtures override theirs.
    config.pluginmanager.register(_InjectedFixtures(experiment), "injected fixtures")


class _InjectedFixtures:
    """Overrides of fixtures/cluster.py and fixtures/deployer.py."""

    def __init__(self, experiment: Experiment) -> None:
        self._experiment = experiment

    @pytest.fixture(scope="session")
    def provider(self, pytestconfig: pytest.Config) -> ClusterProvider[Any]:
        """A provider of clusters as the experiment wants them."""
        if run_context(pytestconfig).provider.name == experiments.KIND:
            return ChangedKindProvider(self._experiment)
        return ChangedSimulatedProvider()

    @pytest.fixture(scope="session")
    def manifest_folder_class(self) -> type[ManifestFolder]:
        """Folders of manifests as the experiment wants them."""
        return patched_folder_class(self._experiment)


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest) -> Generator[None, Any, Any]:
    value = yield
    for injection in request.config.stash[EXPERIMENT].inject:
        match injection:
            case experiments.Kubectl(after=fixturedef.argname):
                kube = value if isinstance(value, Kube) else request.getfixturevalue("kube")
                words = words_of(value, kube, run_context(request.config).settings)
                if run_context(request.config).provider.name == experiments.KIND:
                    TO_UNDO.append(partial(run_kubectl, injection.undo, kube, words))
                run_kubectl(injection.run, kube, words)
            case experiments.Corefile(after=fixturedef.argname):
                kube = value if isinstance(value, Kube) else request.getfixturevalue("kube")
                words = words_of(value, kube, run_context(request.config).settings)
                if run_context(request.config).provider.name == experiments.KIND:
                    change_dns(request.getfixturevalue("cluster"), [injection], words)
                else:
                    ExperimentCluster.running().change_dns(injection, words)
            case experiments.Component(after=fixturedef.argname):
                ExperimentCluster.running().restart(injection)
            case _:
                pass
    return value


def words_of(value: object, kube: Kube, asked: Settings) -> dict[str, str]:
    """What `@namespace@`, `@domain@` and, once a set is Ready, `@service-uid@`, `@address-0@`, `@reverse-0@` and so on stand for.

    `proxy` is the kube-proxy Pod on a member's node, from which that node's rules can be changed.
    """
    if not isinstance(value, HeadlessSet):
        return {"namespace": asked.namespace, "domain": asked.network.domain or DEFAULT_DOMAIN}
    words = {"namespace": value.namespace, "domain": value.facts.domain}
    words["service-uid"] = value.get_service()["metadata"]["uid"]
    proxies = {
        pod["spec"]["nodeName"]: pod["metadata"]["name"] for pod in kube.list("Pod", "kube-system", labelSelector=KUBE_PROXY)
    }
    for ordinal, pod in enumerate(value.get_pods()):
        words[f"address-{ordinal}"] = pod["status"]["podIP"]
        words[f"reverse-{ordinal}"] = reverse_name(pod["status"]["podIP"])
        words[f"proxy-{ordinal}"] = proxies.get(pod["spec"]["nodeName"], "")
    return words


def pytest_conformance_undo() -> None:
    undo()


def pytest_conformance_finished(run: Run) -> None:
    result = {
        "aborted": run.aborted,
        "requirements": {
            verdict.requirement.id: {
                "outcome": verdict.outcome,
                "failures": [_failure(case) for case in verdict.tests if case.outcome in FAILING],
            }
            for verdict in run.verdicts
        },
    }
    Path(os.environ[RESULT_VARIABLE]).write_text(json.dumps(result, indent=1))


def _failure(case: CaseResult) -> dict[str, Any]:
    return {
        "spec": case.nodeid,
        "outcome": case.outcome,
        "message": case.message,
        "mismatch": dict(case.fields),
        "seconds": case.phase_seconds,
    }
