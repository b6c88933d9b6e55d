"""What a MySQL client says becomes fields of a mismatch. No cluster."""

from __future__ import annotations

import pytest

from headless_conformance.cluster.kube import CommandResult, Kube
from headless_conformance.core.mismatch import Mismatch
from headless_conformance.core.mismatch_forms import form_of
from suites.headless_service.sql import Sql

UNREACHABLE = "mysql: [Warning] x\nERROR 2003 (HY000): Can't connect to MySQL server on 'a.db:3306' (111)"


@pytest.mark.parametrize(
    ("said", "observed"),
    [
        ("ERROR 2005 (HY000): Unknown MySQL server host 'db' (-2)", "error 2005 db"),
        (UNREACHABLE, "error 2003 a.db:3306"),
        ("ERROR 1045 (28000): Access denied", "error 1045"),
        ("Killed", "exit status 1"),
    ],
)
def test_an_error_of_the_client_is_its_number_and_the_server(
    monkeypatch: pytest.MonkeyPatch, said: str, observed: str
) -> None:
    result = CommandResult("kubectl exec client -- mysql", 1, "", f"{said}\n")
    monkeypatch.setattr(Kube, "execute", lambda *_: result)
    with pytest.raises(Mismatch) as raised:
        Sql(object.__new__(Kube), "shop").query("db", "SELECT 1")
    seen = raised.value.observation
    assert (seen.subject, seen.expected, seen.observed) == ("SELECT 1 at db", "an answer", observed)
    assert form_of(seen.subject) is not None
    assert said in seen.details
