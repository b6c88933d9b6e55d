"""The matrix of requirements and faults: as data, as a page to look at, and the generated documentation of the catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

import yaml

from headless_conformance.core.paths import ROOT
from headless_conformance.faults.evaluation import Cell, Finding, Judged
from headless_conformance.faults.model import Experiment
from headless_conformance.requirements.documents import Documents

PAGE = ROOT / "docs" / "faults.md"

SIGNS = {
    Cell.KILLED: "●",
    Cell.MISSED: "missed",
    Cell.UNEXPECTED: "red",
    Cell.NOT_APPLICABLE: "–",
    Cell.UNKNOWN: "?",
    Cell.GREEN: "",
}

STYLE = """
body { font: 14px/1.4 system-ui, sans-serif; margin: 2rem; color: #1b1f24; }
table { border-collapse: collapse; margin: 1rem 0; }
td, th { border: 1px solid #d0d7de; padding: 2px 6px; text-align: center; }
th.fault { writing-mode: vertical-rl; transform: rotate(180deg); text-align: left; font-weight: normal; }
th.claim { text-align: left; white-space: nowrap; font-weight: normal; }
.killed { background: #d2f4d9; } .missed, .unexpected { background: #ffc9c9; }
.not, .unknown { background: #eef1f4; color: #57606a; }
pre { background: #f6f8fa; padding: .6rem; white-space: pre-wrap; }
dt { font-weight: 600; margin-top: .8rem; }
"""


def _finding_row(finding: Finding) -> dict[str, Any]:
    row: dict[str, Any] = {"requirement": finding.requirement, "cell": finding.cell.value}
    if finding.detail:
        row["detail"] = finding.detail
    if finding.failure:
        row |= {"spec": finding.failure.case, "seconds": finding.failure.seconds, "message": finding.failure.message}
    return row


def _judged_row(judged: Judged) -> dict[str, Any]:
    row: dict[str, Any] = {
        "name": judged.experiment.name,
        "provider": judged.provider,
        "title": judged.experiment.title,
        "good": judged.good,
        "seconds": round(judged.seconds, 1),
    }
    if judged.problem:
        row["problem"] = judged.problem
    row["requirements"] = [_finding_row(finding) for finding in judged.findings if finding.cell is not Cell.GREEN]
    return row


def write(
    folder: Path, kind: str, documents: Documents, judged: Sequence[Judged], without_fault: Sequence[str], kubernetes: str
) -> None:
    """Write KIND.yaml and KIND.html below `folder`."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    providers = sorted({one.provider for one in judged})
    data = {
        "date": now,
        "kubernetes": kubernetes,
        "providers": providers,
        "pairs": {cell.value: sum(len(one.of(cell)) for one in judged) for cell in Cell if cell is not Cell.GREEN},
        "requirements_without_fault": list(without_fault),
        kind: [_judged_row(one) for one in judged],
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{kind}.yaml").write_text(yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=120))
    heading = f"{kind.capitalize()} on {', '.join(providers)}, Kubernetes {kubernetes}, {now}"
    (folder / f"{kind}.html").write_text(_html(heading, documents, judged, without_fault))


def _html(heading: str, documents: Documents, judged: Sequence[Judged], without_fault: Sequence[str]) -> str:
    columns = [{finding.requirement: finding for finding in one.findings} for one in judged]
    head = "".join(f'<th class="fault"><a href="#{one.experiment.name}">{one.experiment.name}</a></th>' for one in judged)
    rows = []
    for requirement in documents.requirements.values():
        row = "".join(_td(column.get(requirement.id)) for column in columns)
        rows.append(f'<tr><th class="requirement" title="{escape(requirement.statement)}">{requirement.id}</th>{row}</tr>')
    legend = ", ".join(f"{SIGNS[cell]} {cell}" for cell in Cell if SIGNS[cell])
    bare = f"<p>Requirements without a fault: {', '.join(without_fault)}</p>" if without_fault else ""
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(heading)}</title><style>{STYLE}</style>'
        f"<h1>{escape(heading)}</h1><p>{escape(legend)}</p>{bare}"
        f"<table><tr><th></th>{head}</tr>{''.join(rows)}</table>"
        f"<dl>{''.join(_story(one) for one in judged)}</dl></html>\n"
    )


def _td(finding: Finding | None) -> str:
    if finding is None:
        return "<td></td>"
    title = escape(finding.failure.message) if finding.failure else ""
    return f'<td class="{finding.cell.value.split()[0]}" title="{title}">{SIGNS[finding.cell]}</td>'


def _story(judged: Judged) -> str:
    """One experiment in words, with the first message of each of its requirements."""
    experiment = judged.experiment
    title = f"{experiment.title} ({experiment.name} on {judged.provider})"
    parts = [f'<dt id="{experiment.name}">{escape(title)}</dt><dd>{escape(experiment.changes)}']
    if experiment.why:
        parts.append(f"<p>{escape(experiment.why)}</p>")
    if judged.problem:
        parts.append(f"<pre>{escape(judged.problem)}</pre>")
    for finding in judged.findings:
        if finding.failure:
            said = f"{finding.requirement}: {finding.cell} {finding.detail}".rstrip()
            parts.append(f"<p>{escape(said)} ({finding.failure.seconds} s)</p><pre>{escape(finding.failure.message)}</pre>")
    return "".join(parts) + "</dd>"


HEAD = """\
# Faults

Generated by `make faults-page` from the files in `faults/`. Each fault is put into a healthy run of the suite. Exactly the
requirements that its file lists must then fail, each with a message that matches the expression beside it and so names what is
wrong; any other red is a defect of the suite. `make faults` runs on the simulated provider what that can show, with all tests
(but for a few faults whose `environment` chooses), and at the same time on kind what that cannot show, with the tests of the
listed requirements only; PROVIDER chooses one. The runs on kind share one cluster, which KEEP=1 leaves for later.
`make variations` runs the suite on the healthy variations in `variations/`, where nothing may fail.

## To add one

Write `faults/NAME.yaml`, checked against `faults/schema.json`:

```yaml
{example}```

Run `make faults FAULT=NAME`, read in `reports/faults.html` what failed, and list it: a requirement belongs in the list once it
was seen red for the right reason. Then run `make faults-page`. What `inject` can hold:

| injection | what it does |
|---|---|
| `manifest` | changes the shipped manifests before they are applied: `patch` on objects of `kind`, `add` more objects |
| `corefile` | configures the DNS servers: `insert` lines, `replace` words, on all or one `replica`, `after` a fixture or before |
| `kubectl` | runs commands `after` a fixture is set up; `undo` puts a kept cluster back |
| `component` | gives a component of the simulated cluster more flags, from its start or `after` a fixture is set up |
| `size` | sets the simulated cluster's number of nodes and DNS servers |
| `wrapper` | puts a script in front of the kubectl that tests use |
| `client` | lets tests use the kubectl of another row of `versions.yaml` |

`@namespace@`, `@domain@` and, after a set is Ready, `@address-0@`, `@reverse-0@` (its PTR name), `@proxy-0@` (the kube-proxy Pod
on the member's node) and `@service-uid@` are filled in, for the other ordinals too; `@port@` is the port of the one DNS server
that is changed.

`after` is a fixture of the tests: `kube` when the cluster is ready, `documented` when the documented set is, `stubs` for the set
of a single test. In a patch a list is changed by positions: `{{"0": ..., "+": ...}}`. Besides `inject` a fault may have:
`environment` (variables of the run), `must_turn_red_on_kind` (failures that only real nodes show), `others_unknown` (the message of
all other requirements where nothing else can be judged) and `why`.

A red counts within 30 s of the start of the phase that went wrong, and within 65 s for SEED-NID-07 and SEED-HLS-01, where an
answer may be kept for the documented delay of 60 s. A run that is killed, or that cannot put its kind cluster back, does not
hand it on: the next run makes a new one.

"""
EXAMPLE = "ipv6-fails"


def page(faults: Sequence[Experiment]) -> str:
    """docs/faults.md."""
    (example,) = [fault.path.read_text() for fault in faults if fault.name == EXAMPLE]
    lines = []
    for fault in faults:
        lines += [f"## {fault.title}", "", f"`faults/{fault.name}.yaml`, on {', '.join(fault.providers)}. {fault.changes}", ""]
        if fault.why:
            lines += [fault.why.strip(), ""]
        for requirements, where in ((fault.must_fail, ""), (fault.must_fail_on_kind, " on kind, too")):
            if requirements:
                lines += [f"Must fail{where}: {', '.join(requirements)}.", ""]
        if fault.others_unknown:
            lines += ["Every other requirement can then not be told and is broken.", ""]
    return HEAD.format(example=example) + "\n".join(lines).rstrip() + "\n"
