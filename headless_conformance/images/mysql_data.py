"""The data directory that the MySQL image brings, initialised by the image's own server while it is built.

Each container's server starts from a copy. What tells two servers apart is left out, so that each makes its
own at its first start: its UUID, its keys and certificates. Accounts have no password yet.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from fnmatch import fnmatch
from pathlib import Path

from headless_conformance.core.paths import log_dir
from headless_conformance.core.process import run_logged
from headless_conformance.images.archive import Directory, File, LayerEntry
from headless_conformance.images.root_tree import program_of

TEMPLATE = "/usr/local/share/mysql-data"
"""Where the data directory is in the image."""
SIZES = f"{TEMPLATE}.sizes"
"""Lists `size path` of each file whose zeros at the end are left out, half of a new data directory."""
LEFT_OUT = ("auto.cnf", "*.pem", "#ib_*.dblwr", "#innodb_temp", "#innodb_redo/*_tmp")
"""What identifies a server (its UUID, its keys), and what every server makes anew when it starts."""
INITIALIZE_SECONDS = 300.0


def initialize(tree: Path, options: Path, scratch: Path) -> Path:
    """Have the server of an unpacked root file system initialise a new data directory below `scratch`.

    `options` is the server's option file. Raises StepFailed with the server's own words.
    """
    data, temporary = scratch / "data", scratch / "mysql-tmp"
    temporary.mkdir()
    command = [
        *program_of(tree, "usr/sbin/mysqld"),
        f"--defaults-file={options}",
        "--initialize-insecure",
        f"--datadir={data}",
        f"--tmpdir={temporary}",
        f"--basedir={tree / 'usr'}",
        f"--lc-messages-dir={tree / 'usr/share/mysql'}",
        f"--character-sets-dir={tree / 'usr/share/mysql/charsets'}",
        f"--plugin-dir={tree / 'usr/lib/mysql/plugin'}",
        # The server refuses to run as root without being told to.
        *(["--user=root"] if os.geteuid() == 0 else []),
    ]
    log = log_dir() / "mysql-server.log"
    run_logged("Initialising a MySQL data directory", command, log, timeout=INITIALIZE_SECONDS)
    return data


def template_entries(data: Path) -> Mapping[str, LayerEntry]:
    """A data directory as entries of an image's layer, without LEFT_OUT and without zeros at the ends of
    files."""
    entries: dict[str, LayerEntry] = {TEMPLATE: Directory()}
    sizes: list[str] = []
    for path in sorted(data.rglob("*")):
        name = str(path.relative_to(data))
        if any(fnmatch(name, pattern) for pattern in LEFT_OUT):
            continue
        if path.is_dir():
            entries[f"{TEMPLATE}/{name}"] = Directory()
            continue
        content = path.read_bytes()
        entries[f"{TEMPLATE}/{name}"] = File(content.rstrip(b"\0"))
        if content.endswith(b"\0"):
            sizes.append(f"{len(content)} {name}\n")
    return {**entries, SIZES: File("".join(sizes).encode())}
