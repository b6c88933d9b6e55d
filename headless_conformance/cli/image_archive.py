"""`headless-conformance image-archive`: the images for a registry of the person's own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from headless_conformance.cli.options import argument


def image_archive(folder: Annotated[str, argument("ARCHIVE")] = "image-archive") -> int:
    """Write the images into a folder."""
    from headless_conformance.images.workloads import write_image_archives
    from headless_conformance.providers.registry import settings_of_run

    write_image_archives(settings_of_run(os.environ), Path(folder))
    return 0
