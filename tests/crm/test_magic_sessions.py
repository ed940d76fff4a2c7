"""Magic links in SM API: only hashes travel, and each refusal keeps its reason."""

from __future__ import annotations

import json
from typing import Any

import httpx2 as httpx
import pytest

from portal.crm.magic_sessions import REFUSALS, CrmMagicSessions, NewMagicSession
from portal.errors import LinkRefused, SMApiError, SMApiFault, SMApiMalformed, SMApiUnauthorized
from tests.crm.upstream import Upstream, always, ok, refusal

LINK = {
    "id": "ms_1",
    "contact_id": "ct_1",
    "email": "jane@acme.com",
    "created_at": "2026-11-24T15:30:00Z",
    "expires_at": "2026-11-24T15:40:00Z",
}


def sessions(upstream: Upstream) -> CrmMagicSessions:
    return CrmMagicSessions(upstream.client(), "mode")


async def test_a_new_link_is_sent_as_hashes_under_a_key() -> None:
    upstream = always(ok({"id": "ms_1"}, 201))
    new = NewMagicSession("ct_1", "jane@acme.com", "th", "ch", "bh", "/invoices", 600)
    await sessions(upstream).create(new)
    [call] = upstream.calls
    assert (call.method, call.url.path) == ("POST", "/api/magic_sessions")
    assert call.headers["Idempotency-Key"]
    assert json.loads(call.content) == {
        "contact_id": "ct_1",
        "product": "mode",
        "token_hash": "th",
        "code_hash": "ch",
        "browser_hash": "bh",
        "redirect": "/invoices",
        "expires_in": 600,
    }


@pytest.mark.parametrize("data", [[LINK], {"items": [LINK], "hasMore": False}])
async def test_a_link_is_found_in_either_list_shape(data: Any) -> None:
    upstream = always(ok(data))
    found = await sessions(upstream).find("th")
    assert found is not None
    assert (found.id, found.status) == ("ms_1", "live")
    params = upstream.calls[0].url.params
    assert (params["token_hash"], params["product"]) == ("th", "mode")


@pytest.mark.parametrize("data", [[], {"items": [], "hasMore": False}])
async def test_no_link_is_none(data: Any) -> None:
    assert await sessions(always(ok(data))).find("th") is None


@pytest.mark.parametrize("data", [None, "x", [{"id": "ms_1"}], [[]]])
async def test_an_answer_of_another_shape_is_malformed(data: Any) -> None:
    with pytest.raises(SMApiMalformed):
        await sessions(always(ok(data))).find("th")


async def redeem(answer: httpx.Response) -> LinkRefused:
    with pytest.raises(LinkRefused) as caught:
        await sessions(always(answer)).redeem_code("bh", "ch")
    return caught.value


@pytest.mark.parametrize("reason", REFUSALS)
async def test_a_refusal_keeps_its_reason(reason: str) -> None:
    for status in (403, 409, 410, 422):
        refused = await redeem(refusal(status, reason=reason, tries_left=2))
        assert (refused.reason, refused.tries_left) == (reason, 2)


async def test_a_refusal_without_a_reason_that_we_know_is_unknown() -> None:
    for answer in (refusal(404), refusal(400), refusal(410, reason="cosmic_rays", tries_left="2")):
        refused = await redeem(answer)
        assert (refused.reason, refused.tries_left) == ("unknown", None)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [(httpx.Response(500), SMApiFault), (refusal(401), SMApiUnauthorized)],
)
async def test_an_sm_api_that_is_away_refuses_no_link(
    answer: httpx.Response, kind: type[SMApiError]
) -> None:
    with pytest.raises(kind):
        await sessions(always(answer)).redeem_token("th")


async def test_each_proof_is_sent_with_what_belongs_to_it() -> None:
    upstream = always(ok({"id": "ms_1", "contact_id": "ct_1", "email": "jane@acme.com"}))
    found = [
        await sessions(upstream).redeem_token("th"),
        await sessions(upstream).redeem_code("bh", "ch"),
    ]
    assert [r.contact_id for r in found] == ["ct_1", "ct_1"]
    assert [json.loads(c.content) for c in upstream.calls] == [
        {"product": "mode", "token_hash": "th"},
        {"product": "mode", "browser_hash": "bh", "code_hash": "ch"},
    ]
