"""Parameters that several modules share."""

import pytest

from headless_conformance.cluster.model import Capability

ORDINALS = pytest.mark.parametrize("ordinal", range(3), ids=lambda ordinal: f"pod-{ordinal}")
"""The three Pods of each of the document's sets."""
KUBELET = pytest.mark.needs(Capability.KUBELET)
DATABASE = pytest.mark.needs(Capability.KUBELET, Capability.SQL)
