"""The simulated provider's parts, without starting a control plane."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import yaml
from cryptography import x509
from filelock import FileLock
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from headless_conformance.core.errors import StepFailed, UserError
from headless_conformance.core.paths import ROOT
from headless_conformance.core.settings import Network
from headless_conformance.providers.simulated import control_plane, corefile, objects
from headless_conformance.providers.simulated.component import Component, Supervisor
from headless_conformance.providers.simulated.network import addresses
from headless_conformance.providers.simulated.ports import Ports
from headless_conformance.providers.simulated.run_directory import RunDirectory

ENV = {"PATH": os.environ["PATH"]}


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    components = Supervisor()
    yield components
    components.stop()


def eventually(check: object) -> None:
    assert callable(check)
    for attempt in Retrying(
        stop=stop_after_delay(10),
        wait=wait_fixed(0.05),
        retry=retry_if_exception_type(AssertionError),
        reraise=True,
    ):
        with attempt:
            check()


# Ports


def test_ports_are_free_for_both_transports_and_differ() -> None:
    ports = Ports()
    taken = [ports.take() for _ in range(20)]
    assert len(set(taken)) == 20
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            probe.bind(("127.0.0.1", taken[0]))
    ports.release()


def test_a_port_that_another_cluster_took_is_not_given_again(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = iter([7, 7, 8])
    monkeypatch.setattr(
        "headless_conformance.providers.simulated.ports.secrets.randbelow", lambda _limit: next(numbers)
    )
    first, second = Ports(), Ports()
    assert (first.take(), second.take()) == (20_007, 20_008)
    first.release()
    second.release()


# Networks


def test_the_pod_range_is_split_for_twice_the_nodes() -> None:
    found = addresses(
        Network(pod_cidr="172.16.0.0/16", service_cidr="172.20.0.0/16", domain="kube.local"), nodes=3
    )
    assert (found.node_mask, found.api, found.dns, found.domain) == (
        19,
        "172.20.0.1",
        "172.20.0.10",
        "kube.local",
    )


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (
            Network(pod_cidr="172.16.0.0/22"),
            "POD_CIDR=172.16.0.0/22 is too small for 3 nodes; use a range of /21 or wider.",
        ),
        (Network(pod_cidr="172.16.0.1/16"), "is not an IPv4 range"),
        (Network(service_cidr="fd00::/112"), "SERVICE_CIDR=fd00::/112 is not an IPv4 range"),
        (Network(service_cidr="172.20.0.0/28"), "use a range of /24 or wider"),
        (Network(pod_cidr="172.16.0.0/12", service_cidr="172.20.0.0/16"), "overlap"),
    ],
)
def test_a_range_that_cannot_be_used_is_named(network: Network, message: str) -> None:
    with pytest.raises(UserError, match=message.replace(".", r"\.").replace("/", "/")):
        addresses(network, nodes=3)


# Corefile


def test_the_default_corefile_moves_to_the_host() -> None:
    text = corefile.on_host(corefile.default("kube.local"), 20_053, 20_054, Path("/run/x.kubeconfig"))
    assert text == textwrap.dedent(
        """\
        .:20053 {
            bind 127.0.0.1
            errors
            kubernetes kube.local in-addr.arpa ip6.arpa {
               kubeconfig "/run/x.kubeconfig"
               pods insecure
               fallthrough in-addr.arpa ip6.arpa
               ttl 30
            }
            forward . 127.0.0.1:20054
            cache 30 {
               disable success kube.local
               disable denial kube.local
            }
            loop
            reload
            loadbalance
        }
        .:20054 {
            bind 127.0.0.1
            template ANY ANY {
               rcode NXDOMAIN
            }
        }
        """
    )


def test_a_corefile_of_one_line_plugins_and_several_servers_moves_to_the_host() -> None:
    others = "example.org. {\n  errors\n}\nother.org:5353 {\n  errors\n}\n"
    given = f".:53 {{\n  health :8080\n  kubernetes cluster.local\n}}\n{others}"
    assert corefile.on_host(given, 20_053, 20_054, Path("/k")) == (
        '.:20053 {\n    bind 127.0.0.1\n  kubernetes cluster.local {\n     kubeconfig "/k"\n  }\n}\n'
        "example.org.:20053 {\n    bind 127.0.0.1\n  errors\n}\nother.org:5353 {\n  errors\n}\n"
    )


# Credentials


def test_credentials_are_random_private_and_of_two_authorities(tmp_path: Path) -> None:
    network = addresses(Network(), nodes=3)
    runs = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        runs.append(control_plane.write_files(tmp_path / name, network, 20_443))
    for path in tmp_path.glob("*/*"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    first, second = runs
    assert first.service_accounts.key.read_bytes() != second.service_accounts.key.read_bytes()
    assert first.api_ca.read_bytes() != second.api_ca.read_bytes() != first.etcd_ca.read_bytes()
    server = x509.load_pem_x509_certificate(first.api_server.certificate.read_bytes())
    server.verify_directly_issued_by(x509.load_pem_x509_certificate(first.api_ca.read_bytes()))
    names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert network.api in [str(address) for address in names.get_values_for_type(x509.IPAddress)]
    assert f"kubernetes.default.svc.{network.domain}" in names.get_values_for_type(x509.DNSName)


def test_only_the_admin_is_a_master(tmp_path: Path) -> None:
    control_plane.write_files(tmp_path, addresses(Network(), nodes=3), 20_443)
    masters = []
    for name in control_plane.USERS:
        subject = x509.load_pem_x509_certificate(
            (tmp_path / f"{name}.crt").read_bytes()
        ).subject.rfc4514_string()
        masters += [name] if "system:masters" in subject else []
    assert masters == ["admin"]


# Objects and stages


def test_every_component_listens_on_loopback_only(tmp_path: Path) -> None:
    network = addresses(Network(), nodes=3)
    programs = control_plane.Programs(*[Path("/bin")] * 4)
    files = control_plane.write_files(tmp_path, network, 20_443)
    words = [
        str(word)
        for command in (
            control_plane.etcd(programs, files, tmp_path, 20_001, 20_002),
            control_plane.api_server(programs, files, network, 20_443, 20_001),
            control_plane.controller_manager(programs, files, network),
            control_plane.scheduler(programs, files, tmp_path),
            control_plane.kwok(programs, files, network),
        )
        for word in command
    ]
    for word in words:
        if any(part in word for part in ("listen-", "bind-address")):
            assert "127.0.0.1" in word, word
    assert words.count("--secure-port=0") == 2


def test_the_config_map_holds_the_corefile_and_the_service_the_dns_address() -> None:
    network = addresses(Network(), nodes=3)
    service, config_map = objects.dns(network, "the corefile")
    assert service["spec"]["clusterIP"] == network.dns
    assert config_map["data"]["Corefile"] == "the corefile"


def test_stages_name_the_annotation_that_fixtures_set() -> None:
    from headless_conformance.cluster.model import READY_ANNOTATION

    stages = list(yaml.safe_load_all((control_plane.STAGES / "pod.yaml").read_text()))
    used = [yaml.safe_dump(stage) for stage in stages]
    assert sum(READY_ANNOTATION in text for text in used) == 3


# Processes


def test_a_component_that_dies_is_named_with_its_last_lines(tmp_path: Path, supervisor: Supervisor) -> None:
    script = "echo the last line; exit 3"
    supervisor.add(Component("etcd", ["sh", "-c", script], tmp_path / "etcd.log", ENV, tmp_path))

    def died() -> None:
        assert supervisor.death is not None

    eventually(died)
    with pytest.raises(StepFailed) as caught:
        supervisor.require_alive()
    assert str(caught.value).startswith(
        "etcd of the simulated cluster ended with exit status 3; run again.\n    the last line\n"
    )


def test_stopping_ends_the_whole_group_of_a_component(tmp_path: Path) -> None:
    supervisor = Supervisor()
    supervisor.add(
        Component("x", ["sh", "-c", "sleep 300 & echo $!; wait"], tmp_path / "x.log", ENV, tmp_path)
    )

    def started() -> None:
        assert (tmp_path / "x.log").read_text().strip()

    eventually(started)
    child = int((tmp_path / "x.log").read_text())
    supervisor.stop()
    assert supervisor.death is None

    def gone() -> None:
        assert not _runs(child)

    eventually(gone)


def test_a_killed_parent_leaves_no_component(tmp_path: Path) -> None:
    script = textwrap.dedent(
        f"""
        import sys, threading
        from pathlib import Path
        from headless_conformance.providers.simulated.component import Component
        here = Path({str(tmp_path)!r})
        env = {{"PATH": "/bin:/usr/bin"}}
        print(Component("x", ["sleep", "300"], here / "x.log", env, here).pid, flush=True)
        threading.Event().wait()
        """
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert parent.stdout is not None
    component = int(parent.stdout.readline())
    assert _runs(component)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()

    def gone() -> None:
        assert not _runs(component)

    eventually(gone)


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


# Directories


def test_a_run_removes_what_killed_runs_left_and_nothing_of_living_ones(tmp_path: Path) -> None:
    base, logs = tmp_path / "simulated", tmp_path / "logs"
    living = RunDirectory(base, logs)
    dead = base / "simulated-dead"
    dead.mkdir()
    (dead / "alive").touch()
    (dead / "admin.key").touch()
    unknown = base / "something-else"
    unknown.mkdir()
    another = RunDirectory(base, logs)
    assert not dead.exists()
    assert living.path.exists()
    assert unknown.exists()
    assert stat.S_IMODE(another.path.stat().st_mode) == 0o700
    another.remove(keep_logs=True)
    assert (another.path.exists(), another.logs.exists()) == (False, True)
    living.remove(keep_logs=False)
    assert not living.logs.exists()


def test_the_last_failed_runs_keep_their_logs(tmp_path: Path) -> None:
    base, logs = tmp_path / "simulated", tmp_path / "logs"
    for number in range(8):
        (logs / f"simulated-{number}").mkdir(parents=True)
        os.utime(logs / f"simulated-{number}", (number, number))
    run = RunDirectory(base, logs)
    assert sorted(path.name for path in logs.iterdir()) == sorted(
        [*(f"simulated-{n}" for n in range(3, 8)), run.name]
    )
    with FileLock(base / "lock", timeout=1):
        run.remove(keep_logs=False)
