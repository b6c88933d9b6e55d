"""`python -m headless_conformance COMMAND`: what the Makefile calls."""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from headless_conformance.core.errors import UserError, in_one_sentence
from headless_conformance.core.settings import Provider, Settings, from_env


def _e2e(settings: Settings, arguments: Sequence[str]) -> int:
    from headless_conformance.run.runner import end_to_end

    return end_to_end(settings, ["suites", *shlex.split(os.environ.get("ARGS", "")), *arguments])


def _prepare(settings: Settings, _arguments: Sequence[str]) -> int:
    from headless_conformance.providers.session import prepare_only
    from headless_conformance.run.runner import chosen_provider

    provider, sentence = chosen_provider(settings)
    if provider is Provider.EXISTING:
        raise UserError("Nothing is prepared for PROVIDER=existing; `make image-archive` writes the images that it needs.")
    print(sentence, flush=True)
    prepare_only(replace(settings, provider=provider))
    return 0


def _doctor(settings: Settings, _arguments: Sequence[str]) -> int:
    from headless_conformance.run.doctor import doctor

    doctor(settings)
    return 0


def _clean(settings: Settings, _arguments: Sequence[str]) -> int:
    from headless_conformance.run.cleanup import clean

    clean(settings)
    return 0


def _clean_existing(settings: Settings, _arguments: Sequence[str]) -> int:
    from headless_conformance.providers.existing.connection import clean_existing

    clean_existing(settings)
    return 0


def _image_archive(settings: Settings, _arguments: Sequence[str]) -> int:
    from headless_conformance.providers.kind.prepare import write_image_archives

    write_image_archives(settings, Path(os.environ.get("ARCHIVE") or "image-archive"))
    return 0


def _version(settings: Settings, _arguments: Sequence[str]) -> int:
    from headless_conformance.results.report_file import suite_version

    suite, versions = suite_version(), settings.versions
    state = " with changes" if suite.get("modified") else ""
    print(f"headless-conformance {suite['version']}, commit {suite.get('commit', 'unknown')}{state}")
    print(f"kind {versions.kind}; " + ", ".join(f"{name} {version}" for name, version in versions.components.items()))
    for row in versions.rows:
        print(f"Kubernetes {row.patch}: CoreDNS {row.coredns}, etcd {row.etcd}, pause {row.pause}")
    return 0


def _distclean(settings: Settings, _arguments: Sequence[str]) -> int:
    from headless_conformance.run.cleanup import distclean

    distclean(settings)
    return 0


COMMANDS: dict[str, Callable[[Settings, Sequence[str]], int]] = {
    "e2e": _e2e,
    "prepare": _prepare,
    "doctor": _doctor,
    "clean": _clean,
    "clean-existing": _clean_existing,
    "image-archive": _image_archive,
    "distclean": _distclean,
    "version": _version,
}


@in_one_sentence
def main(words: Sequence[str]) -> int:
    """Run one command; its exit status, or 130 after ^C."""
    parser = argparse.ArgumentParser(prog="conformance", description=__doc__)
    parser.add_argument("command", choices=list(COMMANDS))
    chosen, arguments = parser.parse_known_args(words)
    # SIGTERM ends a build or a start the way ^C does: what it started is ended too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return COMMANDS[chosen.command](from_env(os.environ), arguments)
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
