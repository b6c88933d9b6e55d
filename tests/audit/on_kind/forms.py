"""What a person can ask for: from inside a Pod, several contexts, all namespaces, and each form of output."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import yaml

from tests.audit.on_kind.cluster import KindTrials, Object, service, sleeper, stateful_set

DIG = Path(__file__).parent / "dig_stand_in.py"


def forms(kind: KindTrials) -> Iterator[str]:
    """Each way of asking comes to the same result, and nothing is left behind."""
    namespace = kind.namespace(
        "forms",
        service("db", {"app": "db"}),
        stateful_set("db", sleeper(kind.image), 2),
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "looker"}, "spec": _pod(kind)},
    )
    kind.wait_until_ready(namespace)
    kind.wait_until_ready(namespace, ["looker"])
    target = f"{namespace}/db"
    yield from _inside(kind, namespace, "from-pod", "--from-pod", f"{namespace}/looker")
    yield from _inside(kind, namespace, "probe", "--probe", "--probe-image", kind.image)
    yield from _with_dig(kind, namespace)
    left = [
        p["metadata"]["name"] for p in kind.objects("pods", namespace) if "probe" in p["metadata"]["name"]
    ]
    if left:
        yield f"left behind: {left}"
    yield from _outputs(kind, target)
    yield from _contexts(kind, target)
    everything = kind.audit("-A")
    targets = [f"{t['namespace']}/{t['name']}" for t in everything.result["targets"]]
    kind.said(f"  -A: {everything.figures}, {targets}")
    if everything.status or target not in targets:
        yield f"-A: exit status {everything.status}, {targets}, {everything.summaries}"
    kind.remove(namespace)


def _pod(kind: KindTrials) -> Object:
    return {"terminationGracePeriodSeconds": 0, "containers": [{"name": "c", **sleeper(kind.image)}]}


def _with_dig(kind: KindTrials, namespace: str) -> Iterator[str]:
    """Over UDP at the address of the DNS Service, by a stand-in for dig: no image here has the real one."""
    folder = "/stand-in"
    found = _pod(kind)
    (container,) = found["containers"]
    container |= {
        "env": [{"name": "PATH", "value": f"{folder}:/usr/local/bin:/usr/bin:/bin"}],
        "volumeMounts": [{"name": "stand-in", "mountPath": folder}],
    }
    found["volumes"] = [{"name": "stand-in", "configMap": {"name": "dig", "defaultMode": 0o755}}]
    kind.apply(
        namespace,
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "dig"},
            "data": {"dig": DIG.read_text()},
        },
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "digger"}, "spec": found},
    )
    kind.wait_until_ready(namespace, ["digger"])
    words = ("--from-pod", f"{namespace}/digger")
    yield from _inside(kind, namespace, "from-pod with a stand-in for dig", *words, tools="dig and getent")


def _inside(kind: KindTrials, namespace: str, what: str, *words: str, tools: str = "getent") -> Iterator[str]:
    run = kind.audit(f"{namespace}/db", *words)
    notes = [note for note in run.result.get("notes", ()) if note.startswith("asked from Pod")]
    kind.said(f"  {what}: {run.figures}; {notes}")
    if run.status or run.outcomes.get("inside") != "passed" or f"with {tools}:" not in "".join(notes):
        yield f"{what}: exit status {run.status}, {run.outcomes}, {notes}, {run.reasons}"


def _outputs(kind: KindTrials, target: str) -> Iterator[str]:
    """All forms tell of the same checks; the exit status is 0 for what is right and 1 for what is wrong."""
    namespace, _ = target.split("/")
    wrong = stateful_set("stray", sleeper(kind.image), 1)
    wrong["spec"]["serviceName"] = "nowhere"
    kind.apply(namespace, wrong)
    kind.wait_until_ready(namespace, ["stray-0"])
    for word, status in ((target, 0), (f"{namespace}/stray", 1), (f"{namespace}/nothing", 2)):
        found = {form: kind.audit(word, form=form) for form in ("text", "yaml", "json", "junit")}
        statuses = {run.status for run in found.values()}
        counts = json.loads(found["json"].stdout)["clusters"][0]["checks"]
        same = yaml.safe_load(found["yaml"].stdout)["clusters"][0]["checks"]
        cases = ElementTree.fromstring(found["junit"].stdout).findall(".//testcase")
        kind.said(
            f"  {word.partition('/')[2]} as text, yaml, json and junit: exit status {statuses}, {counts}"
        )
        if statuses != {status} or counts != same or len(cases) != sum(counts.values()):
            yield f"{word}: exit status {statuses}, {counts}, {same}, {len(cases)} test cases"
        if f"exit status {status}:" not in found["text"].stdout:
            yield f"{word}: {found['text'].stdout}"
    kind.kubectl("-n", namespace, "delete", "statefulset", "stray")


def _contexts(kind: KindTrials, target: str) -> Iterator[str]:
    """Two contexts are audited one after the other; one that leads nowhere costs its own result only."""
    found = yaml.safe_load(kind.cluster.kubeconfig.read_text())
    first = found["contexts"][0]
    nowhere = {"name": "nowhere", "cluster": {"server": "https://127.0.0.1:9"}}
    found["clusters"].append(nowhere)
    found["contexts"] += [
        {"name": "second", "context": first["context"]},
        {"name": "nowhere", "context": {**first["context"], "cluster": "nowhere"}},
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kubeconfig"
        path.write_text(yaml.safe_dump(found))
        for second, statuses in (("second", [0, 0]), ("nowhere", [0, 2])):
            run = kind.audit(target, "--context", first["name"], "--context", second, kubeconfig=path)
            rows = json.loads(run.stdout)["clusters"]
            seen = [row["exit_status"] for row in rows]
            kind.said(f"  --context {first['name']} --context {second}: {seen}, {run.seconds:.1f} s")
            if seen != statuses or run.status != max(statuses):
                yield f"contexts: exit status {run.status}, {seen}, {[row.get('problem') for row in rows]}"
