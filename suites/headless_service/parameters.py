"""Parameters that several modules share, and names in the forms that the document gives them."""

import pytest

from headless_conformance.cluster.headless_set import HeadlessSet
from headless_conformance.cluster.model import Capability

ORDINALS = pytest.mark.parametrize("ordinal", range(3), ids=lambda ordinal: f"pod-{ordinal}")
"""The three Pods of each of the document's sets."""
KUBELET = pytest.mark.needs(Capability.KUBELET)
DATABASE = pytest.mark.needs(Capability.KUBELET, Capability.SQL)
SERVICE_FORMS = [
    "{service}",
    "{service}.{namespace}",
    "{service}.{namespace}.svc",
    "{service}.{namespace}.svc.{domain}",
]
"""A Service's name, longer and longer, without the dot at its end."""


def written(form: str, headless_set: HeadlessSet) -> str:
    """A name's form with the set's own words."""
    domain = headless_set.facts.domain
    return form.format(service=headless_set.service_name, namespace=headless_set.namespace, domain=domain)
