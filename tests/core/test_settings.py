"""What a person can ask for, and the one sentence that a wrong word gets."""

import subprocess
import sys
from pathlib import Path

import pytest

from headless_conformance.core.errors import UserError
from headless_conformance.core.paths import ROOT
from headless_conformance.core.settings import SCALE_NAMES, Images, Provider, Scale, from_env


def test_the_default_is_the_newest_row_and_leaves_the_provider_to_us() -> None:
    settings = from_env({})
    assert settings.release == settings.versions.rows[-1]
    assert settings.provider is None
    assert (settings.images, settings.keep, settings.namespace) == (Images.AUTO, False, "default")


def test_a_minor_and_its_patch_name_the_same_row() -> None:
    row = from_env({}).versions.rows[0]
    assert from_env({"K8S": row.minor}).release == from_env({"K8S": f"v{row.patch}"}).release == row


def test_every_variable_is_read() -> None:
    given = {"PROVIDER": "simulated", "IMAGES": "build", "STRICT": "1", "SLOW": "1", "CLUSTER_DOMAIN": "kube.local"}
    settings = from_env({**given, "SCALE_SEED": "7", "SCALE_NAMES": "all"})
    assert settings.provider is Provider.SIMULATED
    assert settings.images is Images.BUILD
    assert (settings.keep, settings.strict, settings.slow, settings.debian_drift) == (False, True, True, False)
    assert settings.network.domain == "kube.local"
    assert settings.scale == Scale(seed=7, names=None)
    assert from_env({"KEEP": "1", "SCALE_NAMES": "50"}).scale == Scale(seed=None, names=50)
    assert from_env({}).scale == Scale(seed=None, names=SCALE_NAMES)


@pytest.mark.parametrize("provider", ["", "kind", "k3d", "existing"])
def test_very_many_members_are_for_simulated_nodes_alone(provider: str) -> None:
    with pytest.raises(UserError, match="SLOW"):
        from_env({"SLOW": "1", "PROVIDER": provider})


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("K8S", "1.12", "1.37"),
        ("PROVIDER", "minikube", "kind"),
        ("IMAGES", "steal", "auto, pull, build"),
        ("KEEP", "yes", "0, 1"),
        ("REPORT_LANG", "fr", "en, zh"),
        ("SCALE_SEED", "x", "digits"),
        ("SCALE_NAMES", "-1", "digits"),
    ],
    ids=lambda word: str(word),
)
def test_a_wrong_word_gets_one_sentence_that_names_the_right_ones(name: str, value: str, hint: str) -> None:
    with pytest.raises(UserError) as caught:
        from_env({name: value})
    sentence = str(caught.value)
    assert f"{name}={value}" in sentence
    assert hint in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence


@pytest.mark.parametrize("name", ["K8S", "PROVIDER", "IMAGES"])
def test_the_command_prints_that_sentence_and_exits_with_2(name: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "headless_conformance", "e2e"],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), name: "nonsense"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {name}=nonsense")
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / ".cache" / "headless-conformance" / "engine").exists()


def test_a_wrong_value_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UserError, match=r"PROVIDER=knd is not known; use one of kind, "):
        from_env({"PROVIDER": "knd"})
