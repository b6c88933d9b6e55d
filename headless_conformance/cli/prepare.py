"""`headless-conformance prepare`: everything that a run needs, without the run."""

from __future__ import annotations

import os
from dataclasses import replace

from headless_conformance.core.errors import UserError


def prepare() -> int:
    """Get or build what the chosen provider needs."""
    from headless_conformance.core.settings import Provider, from_env
    from headless_conformance.providers.session import prepare_only
    from headless_conformance.run.runner import chosen_provider

    settings = from_env(os.environ)
    provider, sentence = chosen_provider(settings)
    if provider is Provider.EXISTING:
        raise UserError("Nothing is prepared for PROVIDER=existing; `make image-archive` writes the images that it needs.")
    print(sentence, flush=True)
    prepare_only(replace(settings, provider=provider))
    return 0
