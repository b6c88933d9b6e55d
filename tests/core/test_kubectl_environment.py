"""kubectl runs with nothing of the person's but the path to their programs."""

from __future__ import annotations

from pathlib import Path

import pytest

from headless_conformance.core.kubectl_environment import kubectl_environment


def test_no_setting_of_the_persons_reaches_kubectl(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    persons = {
        "HOME": str(tmp_path),
        "KUBECONFIG": "/theirs",
        "KUBERC": "/theirs/kuberc",
        "KUBECTL_COMMAND_HEADERS": "1",
        "KUBE_EDITOR": "vi",
        "KUBERNETES_MASTER": "https://198.51.100.1",
        "LC_ALL": "zh_CN.UTF-8",
    }
    for name, value in persons.items():
        monkeypatch.setenv(name, value)
    found = kubectl_environment(Path("/ours"))
    assert not {name for name, value in persons.items() if found.get(name) == value}
    assert (found["KUBECONFIG"], found["KUBERC"]) == ("/ours", "off")
    assert list(Path(found["HOME"]).iterdir()) == []


def test_what_a_program_for_credentials_needs_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("AWS_PROFILE", "work")
    found = kubectl_environment()
    assert (found["HTTPS_PROXY"], found["AWS_PROFILE"]) == ("http://proxy.example:3128", "work")
