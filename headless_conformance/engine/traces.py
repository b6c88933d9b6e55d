"""What the private engine leaves on the host: its processes, and the kernel's state that it changed."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network
from pathlib import Path

import psutil

from headless_conformance.core.process import output_of
from headless_conformance.host import packages as host

PROGRAMS = ("dockerd", "containerd", "containerd-shim-runc-v2", "docker-proxy", "runc")
MEMORY = "host-before.json"

SYSCTLS = (
    "fs/file-max",
    "fs/nr_open",
    "fs/protected_fifos",
    "fs/protected_hardlinks",
    "fs/protected_regular",
    "fs/protected_symlinks",
    "net/ipv4/ip_forward",
    "net/ipv6/conf/all/forwarding",
    "net/ipv6/conf/default/forwarding",
    "net/bridge/bridge-nf-call-iptables",
    "net/bridge/bridge-nf-call-ip6tables",
    "kernel/core_uses_pid",
    "kernel/pid_max",
    "kernel/sysrq",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "fs/inotify/max_user_instances",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
)
"""Set by dockerd (net), and by systemd (fs, kernel) and the kubelets (vm, kernel) in its privileged
containers."""
SHIM_SOCKETS = Path("/run/containerd/s")
SYSTEM_FOLDERS = tuple(
    map(Path, ("/run/docker/plugins", "/run/docker", "/run/containerd/s", "/run/containerd"))
)
"""Made by dockerd and containerd whatever their own folders are; innermost first."""
TABLES = ("filter", "nat")
_POLL_SECONDS = 0.1


def cgroup_of(folder: Path) -> str:
    """The parent of all container cgroups of the engine at home in `folder`, in every hierarchy."""
    return f"headless-conformance-{hashlib.sha256(str(folder).encode()).hexdigest()[:8]}"


def _text(path: Path) -> str:
    """A file of /proc or /sys; empty when it is gone or not for us."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def _is_ours(process: psutil.Process, folder: Path, programs: Iterable[str]) -> bool:
    """Our programs are started by a path in our folder or get one as an argument; a name alone proves
    nothing, nor does the file that runs: other engines may be of the same unpacked packages."""
    try:
        words = process.cmdline()
    except psutil.Error:
        return False
    if not words or Path(words[0]).name not in programs:
        return False
    inside = f"{folder}{os.sep}"
    return any(inside in word for word in words)


def processes_of(folder: Path, *programs: str) -> list[psutil.Process]:
    """Processes of these programs of the engine whose home is `folder`."""
    return [process for process in psutil.process_iter() if _is_ours(process, folder, programs)]


def end_processes(folder: Path, programs: Iterable[str], seconds: float, *signals: signal.Signals) -> None:
    """End these programs and wait: SIGTERM, then SIGKILL when they are still there after `seconds`."""
    for number in signals or (signal.SIGTERM, signal.SIGKILL):
        _end(processes_of(folder, *programs), number, seconds)


def _end(processes: Iterable[psutil.Process], number: signal.Signals, seconds: float) -> None:
    """Send a signal and wait, for at most `seconds`, until none of them runs."""
    left = list(processes)
    for process in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)
    deadline = time.monotonic() + seconds
    while (left := [process for process in left if _runs(process)]) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)


def _runs(process: psutil.Process) -> bool:
    """Whether a process is there and does not only wait to be reaped, which psutil's own waiting would wait
    for."""
    try:
        return process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.NoSuchProcess:
        return False


def _iptables(table: str) -> list[str]:
    """dockerd 26 leaves ip6tables alone, and so do we."""
    return [shutil.which("iptables", path=host.search_path()) or "iptables", "--wait", "--table", table]


def _rules(table: str) -> list[str]:
    try:
        return output_of([*_iptables(table), "--list-rules"]).splitlines()
    except (subprocess.CalledProcessError, OSError):
        return []


def _docker_chains(rules: Iterable[str]) -> list[str]:
    return [line.split()[1] for line in rules if line.startswith("-N DOCKER")]


def _bridges() -> set[str]:
    return {path.parent.name for path in Path("/sys/class/net").glob("*/bridge")}


def remember_host(folder: Path) -> None:
    """Write down what the engine may change.

    What a killed predecessor wrote since this boot stays: it saw the host before us.
    """
    boot = _text(Path("/proc/sys/kernel/random/boot_id")).strip()
    memory = folder / MEMORY
    if memory.exists() and json.loads(memory.read_text())["boot"] == boot:
        return
    state = {
        "boot": boot,
        "sysctls": {name: _text(Path("/proc/sys") / name).strip() for name in SYSCTLS},
        "bridges": sorted(_bridges()),
        "rules": {table: _rules(table) for table in TABLES},
        "folders": [str(path) for path in SYSTEM_FOLDERS if path.exists()],
        "sockets": [str(path) for path in SHIM_SOCKETS.glob("*")],
    }
    fresh = memory.with_suffix(".new")
    fresh.write_text(json.dumps(state, indent=1))
    fresh.replace(memory)


def take_back(folder: Path) -> None:
    """Undo what the engine (now stopped) did to the host since `remember_host`; nothing when it never
    started."""
    memory = folder / MEMORY
    if not memory.exists():
        return
    before = json.loads(memory.read_text())
    _end_group_members(folder)
    _unmount(folder)
    ours = _our_bridges(folder, before["bridges"])
    for table in TABLES:
        _remove_rules(table, ours, before["rules"][table])
    for bridge in sorted(ours):
        subprocess.run(["ip", "link", "delete", bridge], check=False, capture_output=True)
    _remove_cgroups(folder)
    _remove_system_folders(before["folders"], before["sockets"])
    for name, value in before["sysctls"].items():
        path = Path("/proc/sys") / name
        if value and path.exists() and _text(path).strip() != value:
            path.write_text(value)
    memory.unlink()


def _our_bridges(folder: Path, before: Iterable[str]) -> set[str]:
    """Bridges named after a network in the engine's own data; none that was there before it."""
    store = folder / "data" / "network" / "files" / "local-kv.db"
    known = store.read_bytes() if store.exists() else b""
    fresh = _bridges() - set(before)
    return {name for name in fresh if name.startswith("br-") and name[3:].encode() in known}


def _end_group_members(folder: Path) -> None:
    """Kill what a killed engine's containers still run: members of our cgroups, and only they."""
    pids = {int(pid) for group in _cgroups(folder) for pid in _text(group / "cgroup.procs").split()}
    members = []
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            members.append(psutil.Process(pid))
    _end(members, signal.SIGKILL, 10.0)


def _cgroups(folder: Path) -> Iterator[Path]:
    """The engine's cgroups in every hierarchy, innermost first."""
    root, name = Path("/sys/fs/cgroup"), cgroup_of(folder)
    for top in (root / name, *root.glob(f"*/{name}")):
        if top.is_dir():
            for group, _, _ in os.walk(top, topdown=False):
                yield Path(group)


def _remove_cgroups(folder: Path) -> None:
    for group in _cgroups(folder):
        with contextlib.suppress(OSError):
            group.rmdir()


def _unmount(folder: Path) -> None:
    """Unmount what is mounted at or below the engine's folder, innermost first."""
    for point in reversed([mount.mountpoint for mount in psutil.disk_partitions(all=True)]):
        if Path(point).is_relative_to(folder):
            subprocess.run(["umount", "--lazy", point], check=False, capture_output=True)


def _remove_rules(table: str, bridges: set[str], before: list[str]) -> None:
    """Delete rules of our bridges and jumps to docker's chains, then the chains; restore the policy of
    FORWARD."""
    now = _rules(table)
    chains = [chain for chain in _docker_chains(now) if chain not in _docker_chains(before)]

    def change(*words: str) -> None:
        subprocess.run([*_iptables(table), *words], check=False, capture_output=True)

    rules = [shlex.split(line) for line in now if line.startswith("-A") and line not in before]
    subnets = [
        IPv4Network(_after("-s", words)) for words in rules if bridges.intersection(words) and "-s" in words
    ]
    for words in rules:
        if bridges.intersection(words) or set(chains).intersection(words) or _is_hairpin(words, subnets):
            change("--delete", *words[1:])
    for chain in chains:
        change("--flush", chain)
    for chain in chains:
        change("--delete-chain", chain)
    for line in before:
        if line.startswith("-P FORWARD") and line not in now:
            change("--policy", *line.split()[1:])


def _after(option: str, words: list[str]) -> str:
    return words[words.index(option) + 1]


def _is_hairpin(words: list[str], subnets: Iterable[IPv4Network]) -> bool:
    """Whether a rule masquerades what a container with a published port sends to itself; such rules name no
    bridge."""
    if (
        "MASQUERADE" not in words
        or "-s" not in words
        or "-d" not in words
        or _after("-s", words) != _after("-d", words)
    ):
        return False
    return any(IPv4Network(_after("-s", words)).subnet_of(subnet) for subnet in subnets)


def _remove_system_folders(folders: list[str], sockets: list[str]) -> None:
    """Remove sockets of shims that no process listens on, then empty folders; what was there before us
    stays."""
    listening = {str(connection.laddr) for connection in psutil.net_connections("unix")}
    for path in SHIM_SOCKETS.glob("*"):
        if str(path) not in listening and str(path) not in sockets:
            path.unlink(missing_ok=True)
    for empty in SYSTEM_FOLDERS:
        if str(empty) not in folders:
            with contextlib.suppress(OSError):
                empty.rmdir()
