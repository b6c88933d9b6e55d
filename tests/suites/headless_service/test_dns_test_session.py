"""The document's `kubectl run`, as it is typed. No cluster."""

from __future__ import annotations

import json

import pytest

from suites.headless_service.dns_test_session import command_words
from tests.cluster.stand_in import stand_in_cluster


@pytest.mark.parametrize("secret", ["", "pull"])
def test_the_documents_pod_is_pulled_like_all_others(secret: str) -> None:
    cluster = stand_in_cluster(
        images={"busybox:1.28": "registry.example/classic-nslookup:1"}, pull_secret=secret
    )
    words = command_words(cluster)
    assert words[:5] == ["run", "dns-test", "-ti", "--image=registry.example/classic-nslookup:1", "--rm"]
    overrides = [json.loads(word.removeprefix("--overrides="))["spec"] for word in words[5:]]
    assert overrides == ([{"imagePullSecrets": [{"name": "pull"}]}] if secret else [])
