"""What `@namespace@`, `@address-0@` and so on in a scenario's file stand for."""

from __future__ import annotations

from collections.abc import Mapping

from headless_conformance.cluster.headless_set import HeadlessSet
from headless_conformance.cluster.kube import Kube
from headless_conformance.cluster.model import DEFAULT_DOMAIN
from headless_conformance.core.settings import Settings
from headless_conformance.records.names import reverse_name

KUBE_PROXY = "k8s-app=kube-proxy"


def filled(text: str, words: Mapping[str, str]) -> str:
    """The text with each `@name@` replaced: braces and dollars mean something in Corefiles."""
    for name, value in words.items():
        text = text.replace(f"@{name}@", value)
    return text


def words_of_run(settings: Settings) -> dict[str, str]:
    """What is known before anything is deployed: `namespace` and `domain`."""
    return {"namespace": settings.namespace, "domain": settings.network.domain or DEFAULT_DOMAIN}


def words_of_set(ready: HeadlessSet, kube: Kube) -> dict[str, str]:
    """What is known once a set is Ready: `service-uid` and `cluster-ip` of its Service, and by ordinal
    `address-0`, `reverse-0`, `proxy-0`.

    `proxy` is the kube-proxy Pod on a Pod's node, from which that node's rules can be changed, and
    `proxy-elsewhere` the one on the first node, by name, that has no Pod of the set.
    """
    words = {"namespace": ready.namespace, "domain": ready.facts.domain}
    service = ready.get_service()
    words |= {"service-uid": service["metadata"]["uid"], "cluster-ip": service["spec"]["clusterIP"]}
    proxies = {
        pod["spec"]["nodeName"]: pod["metadata"]["name"]
        for pod in kube.list("Pod", "kube-system", labelSelector=KUBE_PROXY)
    }
    pods = ready.get_pods()
    elsewhere = sorted(proxies.keys() - {pod["spec"]["nodeName"] for pod in pods})
    words["proxy-elsewhere"] = proxies[elsewhere[0]] if elsewhere else ""
    for ordinal, pod in enumerate(pods):
        words[f"address-{ordinal}"] = pod["status"]["podIP"]
        words[f"reverse-{ordinal}"] = reverse_name(pod["status"]["podIP"])
        words[f"proxy-{ordinal}"] = proxies.get(pod["spec"]["nodeName"], "")
    return words
