"""What a person can ask for, and the one sentence that a wrong word gets."""

import subprocess
import sys
from pathlib import Path

import pytest

from headless_conformance.core.errors import UserError
from headless_conformance.core.paths import ROOT
from headless_conformance.core.settings import (
    SCALE_NAMES,
    Images,
    Network,
    OwnCluster,
    Scale,
    Selection,
    Settings,
    as_environment,
    from_env,
)


def test_the_default_is_the_newest_row_and_leaves_the_provider_to_us() -> None:
    settings = from_env({})
    assert settings.release == settings.versions.rows[-1]
    assert settings.provider == ""
    assert (settings.images, settings.keep, settings.namespace) == (Images.AUTO, False, "default")


def test_a_minor_and_its_patch_name_the_same_row() -> None:
    row = from_env({}).versions.rows[0]
    assert from_env({"K8S": row.minor}).release == from_env({"K8S": f"v{row.patch}"}).release == row


def test_every_variable_is_read() -> None:
    given = {
        "PROVIDER": "simulated",
        "IMAGES": "build",
        "STRICT": "1",
        "SLOW": "1",
        "CLUSTER_DOMAIN": "kube.local",
    }
    settings = from_env({**given, "SCALE_SEED": "7", "SCALE_NAMES": "all"})
    assert settings.provider == "simulated"
    assert settings.images is Images.BUILD
    assert (settings.keep, settings.strict, settings.slow, settings.debian_drift) == (
        False,
        True,
        True,
        False,
    )
    assert settings.network.domain == "kube.local"
    assert settings.scale == Scale(seed=7, names=None)
    assert from_env({"KEEP": "1", "SCALE_NAMES": "50"}).scale == Scale(seed=None, names=50)
    assert from_env({}).scale == Scale(seed=None, names=SCALE_NAMES)


def test_an_environment_made_of_settings_is_read_as_the_same_settings(tmp_path: Path) -> None:
    settings = Settings(
        release=from_env({}).versions.rows[0],
        versions=from_env({}).versions,
        asked_release=from_env({}).versions.rows[0].patch,
        provider="kind",
        images=Images.PULL,
        keep=True,
        strict=True,
        slow=True,
        debian_drift=True,
        full=True,
        namespace="shop",
        report_lang="zh",
        arguments="-k 'a b'",
        selection=Selection(
            document="first", section="first/start", requirement="ONE-A-01", level="MUST", rerun="a.yaml"
        ),
        network=Network(pod_cidr="198.18.0.0/16", service_cidr="198.19.0.0/16", domain="kube.local"),
        scale=Scale(seed=7, names=None),
        target=OwnCluster(
            kubeconfig="a:b",
            context="prod",
            confirmed=True,
            dry_run=True,
            image_prefix="registry.example/team",
            images_file=tmp_path / "images.yaml",
            only_namespace="team",
            storage_class="fast",
            pull_secret=tmp_path / "config.json",
            statefulset="shop/orders",
        ),
    )
    defaults = from_env({})
    for model, default in (
        (settings, defaults),
        (settings.selection, defaults.selection),
        (settings.scale, defaults.scale),
        (settings.target, defaults.target),
    ):
        same = [name for name in type(model).model_fields if getattr(model, name) == getattr(default, name)]
        assert same == (["versions"] if model is settings else [])
    assert from_env(as_environment(settings)) == settings


def test_an_empty_variable_counts_as_unset() -> None:
    assert from_env(dict.fromkeys(as_environment(from_env({})), "")) == from_env({})


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("K8S", "1.12", "1.37"),
        ("IMAGES", "steal", "auto, pull, build"),
        ("KEEP", "yes", "0, 1"),
        ("REPORT_LANG", "fr", "en, zh"),
        ("SCALE_SEED", "x", "digits"),
        ("SCALE_NAMES", "-1", "digits"),
        ("SCALE_NAMES", "0", "all"),
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


def test_a_variable_of_an_old_name_gets_its_new_one() -> None:
    with pytest.raises(
        UserError, match=r"^CLAIM is called REQUIREMENT now; set REQUIREMENT= in its place\.$"
    ):
        from_env({"CLAIM": "x"})
    assert from_env({"CLAIM": ""}) == from_env({})


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
