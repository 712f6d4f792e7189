"""What was set aside: shown with what to do, and fetched again."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert

from .mirrored import NOON, Mirrored, connected, errors


def set_aside(mirrored: Mirrored, *rows: dict[str, Any]) -> list[int]:
    """Rejected records; their ids."""
    common = {
        "instance_id": mirrored.instance_id,
        "refresh_id": 1,
        "resource": "products",
        "reason": "price is no amount.",
        "payload": b"{}",
        "is_payload_cut": False,
        "created_at": NOON,
    }
    mirrored.execute(*(insert(mirrored.tables.rejected_records).values(common | row) for row in rows))
    return sorted(row["id"] for row in mirrored.rows("rejected_records", instance_id=mirrored.instance_id))


def three(mirrored: Mirrored) -> list[int]:
    return set_aside(
        mirrored,
        {"bigcommerce_id": 5, "payload": '{"name": "日本'.encode() + b"\xe6\x97", "is_payload_cut": True},
        {"bigcommerce_id": 6, "resource": "orders"},
        {"payload": None},
    )


def test_rejected_record_is_shown_with_reason_and_advice(any_mirrored: Mirrored) -> None:
    first, second, third = three(any_mirrored)
    answer = any_mirrored.get("rejected")
    assert [row["id"] for row in answer["data"]] == [third, second, first]
    assert answer["pagination"] == {"page": 1, "per_page": 25, "total": 3, "pages": 1}
    assert answer["data"][2] == {
        "id": first,
        "refresh_id": 1,
        "resource": "products",
        "bigcommerce_id": 5,
        "reason": "price is no amount.",
        "reason_code": None,
        "what_to_do": "If the record is wrong in the store, mend it there; then retry: it is fetched again by its id.",
        "is_payload_cut": True,
        "created_at": "2026-01-31T12:00:00.000000Z",
    }
    assert "control panel" in answer["data"][0]["what_to_do"]
    assert [row["payload"] for row in any_mirrored.get("rejected", include="payload")["data"]] == [
        None,
        "{}",
        '{"name": "日本�',
    ]
    page = any_mirrored.get("rejected", resource="products", page=2, per_page=1)
    assert ([row["id"] for row in page["data"]], page["pagination"]["total"]) == ([first], 2)
    assert set(errors(any_mirrored.ask("rejected?resource=lines&page=0&x=1"))) == {"resource", "page", "x"}


def test_one_is_fetched_again_by_its_id(any_mirrored: Mirrored) -> None:
    first, second, _ = three(any_mirrored)
    for rejected_id, resource, bigcommerce_id in ((first, "products", 5), (second, "orders", 6)):
        answer = any_mirrored.ask(f"rejected/{rejected_id}/retry", method="POST")
        assert answer.status_code == 202, answer.json
        refresh = answer.json["data"]
        assert (refresh["resource"], refresh["mode"], refresh["status"]) == (resource, "ids", "pending")
        assert (refresh["parameters"], refresh["requested_by"]) == ({"ids": [bigcommerce_id]}, "1")
        assert any_mirrored.client.get(answer.headers["Location"]).json["data"]["id"] == refresh["id"]
        assert any_mirrored.rows("hints", refresh_id=refresh["id"])


def test_retry_of_a_record_without_id_is_refused_with_advice(mirrored: Mirrored) -> None:
    *_, third = three(mirrored)
    assert "control panel" in errors(mirrored.ask(f"rejected/{third}/retry", method="POST"))["_schema"][0]


def test_another_instances_are_unknown(any_mirrored: Mirrored) -> None:
    other = connected(any_mirrored.app, any_mirrored.host_app)
    first, *_ = three(other)
    assert any_mirrored.get("rejected")["data"] == []
    for path in (f"rejected/{first}/retry", "rejected/abc/retry", "rejected/0/retry"):
        assert any_mirrored.ask(path, method="POST").status_code == 404


@pytest.mark.parametrize(
    ("path", "needed"),
    [
        ("rejected?resource=products&include=payload", {"read"}),
        ("rejected", {"read", "read_orders"}),
        ("rejected?resource=orders", {"read", "read_orders"}),
        ("rejected?include=payload", {"read", "read_orders", "read_person_data"}),
    ],
)
def test_orders_and_payloads_are_permitted_apart(
    path: str, needed: set[str], mirrored: Mirrored, monkeypatch: pytest.MonkeyPatch
) -> None:
    permitted = mirrored.refused_without(needed, path, monkeypatch)
    permitted.update(needed)
    assert mirrored.ask(path).status_code == 200
