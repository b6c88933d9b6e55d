"""One context of the person's kubeconfig as a file of our own, so that theirs is read and never written."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from headless_conformance.core.errors import UserError

EMBEDDED = {
    "certificate-authority": "certificate-authority-data",
    "client-certificate": "client-certificate-data",
    "client-key": "client-key-data",
}
"""Fields that name a file, and the fields that hold its content instead."""

KubeconfigEntry = dict[str, Any]


def _paths(kubeconfig: str) -> list[Path]:
    named = [Path(part) for part in kubeconfig.split(os.pathsep) if part] or [
        Path.home() / ".kube" / "config"
    ]
    found = [path for path in named if path.is_file()]
    if not found:
        raise UserError(f"There is no kubeconfig at {', '.join(map(str, named))}; name one with KUBECONFIG=.")
    return found


def _read(path: Path) -> KubeconfigEntry:
    try:
        loaded = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(
            f"{path} cannot be read as a kubeconfig ({type(error).__name__}); correct KUBECONFIG=."
        ) from None
    return loaded if isinstance(loaded, dict) else {}


def _anchored(entry: KubeconfigEntry, folder: Path) -> KubeconfigEntry:
    """The entry with files embedded and what must stay a file or a program named by its whole path."""
    own = dict(entry)
    for field, embedded in EMBEDDED.items():
        if field in own:
            path = folder / own.pop(field)
            try:
                own[embedded] = base64.b64encode(path.read_bytes()).decode()
            except OSError as error:
                raise UserError(
                    f"The kubeconfig names {path}, which cannot be read ({error.strerror}); correct it."
                ) from None
    if "tokenFile" in own:
        own["tokenFile"] = str(folder / own["tokenFile"])
    command = (own.get("exec") or {}).get("command", "")
    if os.sep in command:
        own["exec"] = {**own["exec"], "command": str(folder / command)}
    if "exec" in own:
        own["exec"] = _with_home(own["exec"])
    return own


def _with_home(plugin: KubeconfigEntry) -> KubeconfigEntry:
    """A program for credentials finds the person's own files, though kubectl has a home of ours."""
    variables = list(plugin.get("env") or [])
    if not any(variable.get("name") == "HOME" for variable in variables):
        variables.append({"name": "HOME", "value": str(Path.home())})
    return {**plugin, "env": variables}


def _entries(
    files: Mapping[Path, KubeconfigEntry], kind: str, field: str
) -> dict[str, tuple[Path, KubeconfigEntry]]:
    """Named entries of a kind with the file that they come from; the first file that has a name wins, as with
    kubectl."""
    found: dict[str, tuple[Path, KubeconfigEntry]] = {}
    for path, content in files.items():
        try:
            for item in content.get(kind) or []:
                found.setdefault(item["name"], (path, item.get(field) or {}))
        except (AttributeError, KeyError, TypeError):
            raise UserError(
                f"The {kind} in {path} are not those of a kubeconfig; correct KUBECONFIG=."
            ) from None
    return found


def flattened(kubeconfig: str, context: str) -> KubeconfigEntry:
    """The one context (the current one when `context` is empty) with its cluster and user, all files
    embedded.

    `kubeconfig` is what KUBECONFIG may hold. UserError says what is missing.
    """
    files = {path.absolute(): _read(path) for path in _paths(kubeconfig)}
    contexts = _entries(files, "contexts", "context")
    chosen = context or next(
        (str(content["current-context"]) for content in files.values() if content.get("current-context")), ""
    )
    if chosen not in contexts:
        known = ", ".join(sorted(contexts)) or "none"
        missing = f"has no context {chosen}" if chosen else "has no current context"
        raise UserError(f"The kubeconfig {missing}; name one with CONTEXT= (there: {known}).")
    named = contexts[chosen][1]
    parts: dict[str, KubeconfigEntry] = {}
    for kind, field in (("clusters", "cluster"), ("users", "user")):
        entries = _entries(files, kind, field)
        if named.get(field) not in entries:
            raise UserError(
                f"Context {chosen} names the {field} {named.get(field)}, which the kubeconfig has not; "
                "correct it."
            )
        path, entry = entries[named[field]]
        parts[field] = _anchored(entry, path.parent)
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": chosen,
        "contexts": [{"name": chosen, "context": {"cluster": chosen, "user": chosen}}],
        "clusters": [{"name": chosen, "cluster": parts["cluster"]}],
        "users": [{"name": chosen, "user": parts["user"]}],
    }
