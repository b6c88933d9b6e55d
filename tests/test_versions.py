"""The table of versions is whole and says what belongs together."""

import re

from conformance.versions import load


def test_the_table_has_the_four_minors_in_order() -> None:
    assert [row.minor for row in load().rows] == ["1.34", "1.35", "1.36", "1.37"]


def test_every_row_pins_the_published_image_of_its_own_patch_by_digest() -> None:
    for row in load().rows:
        assert re.fullmatch(rf"kindest/node:v{re.escape(row.patch)}@sha256:[0-9a-f]{{64}}", row.node_image), row.minor
        assert row.patch.startswith(f"{row.minor}.")


def test_every_row_has_its_own_dns_server_and_store() -> None:
    rows = load().rows
    assert len({row.coredns for row in rows}) == len(rows)
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for row in rows for version in (row.coredns, row.etcd, row.pause))
