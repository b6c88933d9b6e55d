"""The images of a run on a cluster of the person's own: the public ones, or where they say that these are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, TypeAdapter, ValidationError

from headless_conformance.core.errors import UserError
from headless_conformance.core.settings import OwnCluster
from headless_conformance.core.validation import first_mistake
from headless_conformance.images.workloads import PUBLIC_ARCHITECTURES, STAND_INS


class PublishedImage(BaseModel):
    """An image that nodes can pull."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    image: str
    architectures: tuple[str, ...] = PUBLIC_ARCHITECTURES
    """Those that it is there for, as the label kubernetes.io/arch of nodes names them."""


_Entry = Annotated[
    PublishedImage, BeforeValidator(lambda given: {"image": given} if isinstance(given, str) else given)
]
_FILE = TypeAdapter(dict[str, _Entry])


def published_images(target: OwnCluster) -> Mapping[str, PublishedImage]:
    """For each image name in the manifests, the image that is pulled: what IMAGES_FILE says of it, else the
    one below IMAGE_PREFIX, else the public one itself. UserError for a file that says something else."""
    prefix = f"{target.image_prefix}/" if target.image_prefix else ""
    images = {public: PublishedImage(image=f"{prefix}{public}") for public in STAND_INS}
    return {**images, **(_read(target.images_file) if target.images_file else {})}


def architectures_of(images: Mapping[str, PublishedImage]) -> list[str]:
    """Those of nodes on which every image runs."""
    common = set.intersection(*(set(image.architectures) for image in images.values()))
    if not common:
        raise UserError("IMAGES_FILE names images that have no architecture in common; correct it.")
    return sorted(common)


def _read(path: Path) -> Mapping[str, PublishedImage]:
    try:
        given = yaml.safe_load(path.read_text())
        found = _FILE.validate_python(given)
    except ValidationError as error:
        raise UserError(f"IMAGES_FILE={path}: {first_mistake(error, given)}; correct it.") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"IMAGES_FILE={path} cannot be read ({type(error).__name__}); correct it.") from None
    for name in found:
        if name not in STAND_INS:
            raise UserError(f"IMAGES_FILE={path} names {name}; use one of {', '.join(STAND_INS)}.")
    return found
