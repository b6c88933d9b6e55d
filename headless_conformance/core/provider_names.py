"""The providers' names. This line and a folder of that name below `providers/` are all that a provider needs.

Needs no packages, because the table of variables stands on it.
"""

PROVIDERS = (
    "kind",
    "simulated",
    "k3d",
    "existing",
)
"""In the order in which they are tried where the person names none."""
