"""An unsubscription belongs to the address, not to the person (UNSUB-2, durable unsubscribe)."""

from __future__ import annotations

from sync_pipeline_tests.sandbox.marketo.conftest import Client


def states(client: Client, email: str = "a@example.com") -> list[bool]:
    return [one["unsubscribed"] for one in client.people([email], by="email", fields="unsubscribed")]


def test_everybody_of_one_address_is_unsubscribed_together_and_each_is_logged(client: Client) -> None:
    one, two = client.sync({"email": "a@example.com"}, {"email": "A@Example.com"}, action="createDuplicate")
    client.sync({"id": one["id"], "unsubscribed": True}, action="updateOnly", lookupField="id")
    assert states(client) == [True, True]
    changes = {one["leadId"]: one for one in client.activities(13)}
    reason = {a["name"]: a["value"] for a in changes[two["id"]]["attributes"]}["Reason"]
    assert reason.startswith("System flow action")
    client.sync({"id": two["id"], "unsubscribed": False}, action="updateOnly", lookupField="id")
    assert states(client) == [False, False]


def test_an_address_stays_unsubscribed_when_its_person_goes(client: Client) -> None:
    """DEL-9."""
    (made,) = client.sync({"email": "a@example.com", "unsubscribed": True})
    client.post("/rest/v1/leads/delete.json", {"input": [{"id": made["id"]}]})
    client.sync({"email": "A@example.com", "unsubscribed": False})
    assert states(client) == [True]


def test_a_new_address_brings_its_own_state(client: Client) -> None:
    client.sync({"email": "no@example.com", "unsubscribed": True}, {"email": "yes@example.com"})
    (moving,) = client.people(["yes@example.com"], by="email")
    by_id = {"action": "updateOnly", "lookupField": "id"}
    client.sync({"id": moving["id"], "email": "no@example.com"}, **by_id)
    assert states(client, "no@example.com") == [True, True]
    client.sync({"id": moving["id"], "email": "new@example.com"}, **by_id)
    assert states(client, "new@example.com") == [False]
    assert states(client, "no@example.com") == [True]
