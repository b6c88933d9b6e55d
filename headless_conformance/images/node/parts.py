"""What a node image is made of: the node's own files, and the images of the control plane and of what kind
installs."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

from headless_conformance.core.progress import Progress
from headless_conformance.core.settings import Settings
from headless_conformance.core.versions import Release
from headless_conformance.images.archive import (
    PATH_VARIABLE,
    PREFIX,
    Directory,
    File,
    ImageConfig,
    LayerEntry,
    Link,
    write_archive,
    write_layer,
)
from headless_conformance.toolchain.debian.build import merge
from headless_conformance.toolchain.debian.fetch import fetch_set
from headless_conformance.toolchain.debian.sets import content_key, read_lock
from headless_conformance.toolchain.go import Source, ensure_built, go_version, module_folder, source_of

FOLDER = Path(__file__).resolve().parent
FILES = FOLDER / "files"
NETD = FOLDER / "netd"
"""Our program that keeps the routes between nodes. `go-pins` gives it the client of the newest Kubernetes."""

TOOLS = (
    *("dash", "coreutils", "libacl1", "libattr1", "libgmp10", "libselinux1", "libpcre2-8-0", "libc6"),
    *(
        "iptables",
        "libip4tc2",
        "libip6tc2",
        "libxtables12",
        "libmnl0",
        "libnfnetlink0",
        "libnetfilter-conntrack3",
        "libnftnl11",
    ),
    *("conntrack", "nftables", "libnftables1", "libjansson4", "libedit2", "libbsd0", "libmd0", "libtinfo6"),
)
"""Debian packages of the node's set that kube-proxy calls, and the shell and coreutils that the volume
provisioner calls."""

NFT_LINKS = {
    f"/usr/sbin/{name}": Link("xtables-nft-multi")
    for name in ("iptables", "iptables-save", "iptables-restore")
} | {
    f"/usr/sbin/{name}": Link("xtables-nft-multi")
    for name in ("ip6tables", "ip6tables-save", "ip6tables-restore")
}
"""What Debian's alternatives would link: these packages are unpacked without their scripts."""


@dataclass(frozen=True)
class Parts:
    """Everything a node image of one release is made of that Go builds. Reading the fields builds nothing."""

    release: Release
    kubernetes: Source
    etcd: Source
    coredns: Source
    containerd: Source
    cni: Source
    crictl: Source
    provisioner: Source
    netd: Source
    pause: Source
    kind: str
    provisioner_version: str

    @property
    def kubernetes_and_its_clients(self) -> tuple[Source, ...]:
        """In the order in which they are built: the others take compiled packages from the first."""
        return (self.kubernetes, self.provisioner, self.netd, self.crictl)

    @property
    def others(self) -> tuple[Source, ...]:
        """What shares little with Kubernetes, the longest first."""
        return (self.coredns, self.containerd, self.etcd, self.cni, self.pause)

    @property
    def sources(self) -> tuple[Source, ...]:
        return (*self.kubernetes_and_its_clients, *self.others)


def parts_of(release: Release, settings: Settings) -> Parts:
    """The parts of a release. Raises UserError when one has no pins."""
    shared = settings.versions.components
    return Parts(
        release=release,
        kubernetes=source_of("kubernetes", release.patch),
        etcd=source_of("etcd", release.etcd),
        coredns=source_of("coredns", release.coredns),
        containerd=source_of("containerd", shared["containerd"]),
        cni=source_of("cni-plugins", shared["cni-plugins"]),
        crictl=source_of("crictl", shared["crictl"]),
        provisioner=source_of("local-path-provisioner", shared["local-path-provisioner"]),
        netd=_own(NETD),
        pause=_own(FOLDER / "pause"),
        kind=settings.versions.kind.removeprefix("v"),
        provisioner_version=shared["local-path-provisioner"],
    )


def _own(folder: Path) -> Source:
    return Source(folder.name, folder, {folder.name: f"{PREFIX}.invalid/{folder.name}"})


def content_key_of(parts: Parts, workloads: Sequence[Path]) -> str:
    """Twelve hexadecimal digits that change with every input of the image; workload archives are told by
    their file names."""
    go = go_version()
    own_files = [
        *sorted(FILES.iterdir()),
        FOLDER / "parts.py",
        FOLDER / "build.py",
        FOLDER.parent / "archive.py",
    ]
    inputs = [
        repr(parts.release),
        parts.kind,
        content_key(read_lock("node")),
        *(source.key(go) for source in parts.sources),
        *(hashlib.sha256(path.read_bytes()).hexdigest() for path in own_files),
        *sorted(path.name for path in workloads),
    ]
    return hashlib.sha256(json.dumps(inputs).encode()).hexdigest()[:12]


def _tag(name: str, tag: str) -> str:
    """A name as containerd keeps it: with the registry that a short name means."""
    return f"docker.io/{PREFIX}/{name}:{tag}"


@dataclass(frozen=True)
class Names:
    """Images of our own that the manifests in the node image name."""

    netd: str
    tools: str
    provisioner: str


def names_of(parts: Parts) -> Names:
    return Names(
        netd=_tag("netd", parts.netd.key(go_version())),
        tools=_tag("node-tools", content_key(read_lock("node"))),
        provisioner=_tag("local-path-provisioner", f"v{parts.provisioner_version}"),
    )


def control_plane(release: Release) -> dict[str, str]:
    """The images that kubeadm asks for, by the name of what runs in them."""
    kubernetes = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy")
    return {name: f"registry.k8s.io/{name}:v{release.patch}" for name in kubernetes} | {
        "etcd": f"registry.k8s.io/etcd:{release.etcd}-0",
        "coredns": f"registry.k8s.io/coredns/coredns:v{release.coredns}",
        "pause": f"registry.k8s.io/pause:{release.pause}",
    }


def write_images(parts: Parts, folder: Path, settings: Settings, progress: Progress) -> list[Path]:
    """Write the archives of all images that a cluster needs to start, under the names that kubeadm and the
    manifests ask for."""
    asked, names = control_plane(parts.release), names_of(parts)
    tools = folder / "tools.layer"
    fetched = fetch_set("node", settings, progress)
    packages = [file for file, pin in zip(fetched.files, fetched.pins, strict=True) if pin.name in TOOLS]
    merge(packages, tools, ("usr/share/*", "usr/lib/x86_64-linux-gnu/gconv/*", "etc/*", "var/*"))
    links = _layer(
        folder / "links.layer", {**NFT_LINKS, "/usr/bin/sh": Link("dash"), "/tmp": Directory(0o1777)}
    )
    base = [tools, links]

    def image(
        name: str, programs: Mapping[str, Path], *, config: ImageConfig, below: Sequence[Path] = ()
    ) -> Path:
        stem = name.rsplit("/", 1)[1].split(":")[0]
        layers = list(below)
        if programs:
            entries: dict[str, LayerEntry] = {
                path: File(program, 0o755) for path, program in programs.items()
            }
            layers.append(_layer(folder / f"{stem}.layer", entries))
        archive = folder / f"{stem}.tar"
        write_archive(archive, [name], layers, config)
        return archive

    def program(source: Source, name: str) -> dict[str, Path]:
        return {f"/usr/local/bin/{name}": ensure_built(source, progress) / name}

    def starts(*words: str, user: str = "") -> ImageConfig:
        return ImageConfig(entrypoint=words, env=(PATH_VARIABLE,), user=user)

    coredns = ensure_built(parts.coredns, progress) / "coredns"
    pause = ensure_built(parts.pause, progress) / "pause"
    servers = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
    etcd = program(parts.etcd, "etcd") | program(parts.etcd, "etcdctl")
    proxy = program(parts.kubernetes, "kube-proxy")
    return [
        *(image(asked[name], program(parts.kubernetes, name), config=starts(name)) for name in servers),
        image(asked["kube-proxy"], proxy, config=starts("kube-proxy"), below=base),
        image(asked["etcd"], etcd, config=starts("etcd")),
        image(asked["coredns"], {"/coredns": coredns}, config=starts("/coredns")),
        image(asked["pause"], {"/pause": pause}, config=starts("/pause", user="65535:65535")),
        image(names.netd, program(parts.netd, "netd"), config=starts("netd")),
        image(
            names.provisioner,
            program(parts.provisioner, "local-path-provisioner"),
            config=starts("local-path-provisioner"),
        ),
        image(names.tools, {}, config=ImageConfig(command=("sh",), env=(PATH_VARIABLE,)), below=base),
    ]


def _layer(path: Path, entries: Mapping[str, LayerEntry]) -> Path:
    write_layer(path, entries)
    return path


def node_entries(parts: Parts, progress: Progress) -> dict[str, LayerEntry]:
    """The files that the node has beside its Debian packages: kind's, our programs, our configuration."""
    names = names_of(parts)
    manifests = {"netd": names.netd, "tools": names.tools, "provisioner": names.provisioner}
    entries = _kind_files(module_folder("kind", parts.kind) / "images" / "base" / "files", parts.release)
    for source, place in (
        (parts.containerd, "/usr/local/bin"),
        (parts.crictl, "/usr/local/bin"),
        (parts.cni, "/opt/cni/bin"),
    ):
        folder = ensure_built(source, progress)
        entries |= {f"{place}/{name}": File(folder / name, 0o755) for name in source.commands}
    kubernetes = ensure_built(parts.kubernetes, progress)
    entries |= {
        f"/usr/bin/{name}": File(kubernetes / name, 0o755) for name in ("kubeadm", "kubectl", "kubelet")
    }
    entries |= {
        f"/kind/manifests/{name}.yaml": File(
            Template((FILES / f"{name}.yaml").read_text()).substitute(manifests).encode()
        )
        for name in ("default-cni", "default-storage")
    }
    entries |= {
        "/kind/version": File(f"v{parts.release.patch}".encode()),
        "/etc/containerd/cni.conf.template": File((FILES / "cni.conf.template").read_bytes()),
        "/etc/kubernetes/kubelet.conf.d/10-cgroup-v1.conf": File((FILES / "kubelet.conf").read_bytes()),
        "/etc/kubernetes/manifests": Directory(),
        "/usr/sbin/init": Link("/usr/lib/systemd/systemd"),
    }
    return entries


def _kind_files(folder: Path, release: Release) -> dict[str, LayerEntry]:
    """The files of kind's own base image, as its module has them, with our changes."""
    entries: dict[str, LayerEntry] = {}
    for path in sorted(folder.rglob("*")):
        name = f"/{path.relative_to(folder)}"
        if path.is_file():
            runs = name.startswith(("/usr/local/bin/", "/kind/bin/"))
            entries[name] = File(path, 0o755 if runs else 0o644)
    containerd = (folder / "etc/containerd/config.toml").read_text()
    kubelet = (folder / "etc/default/kubelet").read_text()
    entrypoint = (folder / "usr/local/bin/entrypoint").read_text()
    entries["/usr/local/bin/entrypoint"] = File(node_entrypoint(entrypoint).encode(), 0o755)
    entries["/etc/containerd/config.toml"] = File(containerd_config(containerd, release.pause).encode())
    entries["/etc/default/kubelet"] = File(
        f"{kubelet.strip()} --config-dir=/etc/kubernetes/kubelet.conf.d\n".encode()
    )
    return entries


def node_entrypoint(text: str) -> str:
    """kind's entrypoint with our lines before it starts systemd.

    Raises ValueError when it is not as it was.
    """
    start = "log_info 'starting init'\n"
    return _replaced(re.escape(start), (FILES / "inotify.sh").read_text() + start, text)


def containerd_config(text: str, pause: str) -> str:
    """kind's containerd configuration with our changes.

    Raises ValueError when it is not as it was when this was written.
    """
    # Without CAP_SYS_RESOURCE nobody may lower an oom_score_adj, and no Pod would start.
    text = _replaced(r"restrict_oom_score_adj = false", "restrict_oom_score_adj = true", text)
    text = _replaced(
        r'sandbox_image = "registry\.k8s\.io/pause:[^"]+"',
        f'sandbox_image = "registry.k8s.io/pause:{pause}"',
        text,
    )
    cni = '[plugins."io.containerd.grpc.v1.cri".cni]\n  conf_template = "/etc/containerd/cni.conf.template"\n'
    return f"{text.rstrip()}\n\n{cni}"


def _replaced(pattern: str, new: str, text: str) -> str:
    changed, count = re.subn(pattern, lambda _: new, text)
    if count != 1:
        raise ValueError(f"{pattern} is {count} times in kind's file, not once")
    return changed
