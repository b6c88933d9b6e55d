"""Parameters that several modules share."""

import pytest

ORDINALS = pytest.mark.parametrize("ordinal", range(3), ids=lambda ordinal: f"member-{ordinal}")
"""The three members of each of the document's sets."""
