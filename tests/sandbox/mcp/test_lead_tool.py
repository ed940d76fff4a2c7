"""A lead that an agent hands in has the effects of one from the website."""

from __future__ import annotations

from mcp import ClientSession

from tests.sandbox.mcp.setup import call, refusal


async def test_a_new_address_becomes_a_contact_and_the_lead_is_logged(agent: ClientSession) -> None:
    made = await call(agent, "create_lead", email="new@prospect.example", product="mode")
    assert made["submitted"] is True
    contact = await call(agent, "get_contact", id=made["contact_id"])
    assert (contact["email"], contact["portal_access"]) == ("new@prospect.example", 0)
    logged = await call(agent, "list_activities", contact_id=made["contact_id"])
    assert [a["activity_type"] for a in logged["items"]] == ["lead_submitted"]
    found = await call(agent, "list_leads", search="new@prospect.example")
    assert [lead["id"] for lead in found["items"]] == [made["id"]]


async def test_a_known_address_is_linked_and_stays_as_it_is(agent: ClientSession) -> None:
    before = await call(agent, "get_contact", id="ct_abc123")
    made = await call(agent, "create_lead", email="JANE@acme.com")
    assert made["contact_id"] == "ct_abc123"
    assert await call(agent, "get_contact", id="ct_abc123") == before


async def test_a_lead_without_an_address_is_refused_by_name(agent: ClientSession) -> None:
    assert "email" in await refusal(agent, "create_lead", name="Nobody")
