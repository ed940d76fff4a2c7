"""The account page: where one is signed in, and a button that ends each of them at once."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from html import unescape

import httpx2 as httpx
import pytest

from portal.auth.session import session_id
from portal.auth.sign_ins import SignInNote, SignIns
from tests.staff.stand import hub_token, previewing
from tests.stage import Stage, stage

JANE, SAM = "ct_abc123", "ct_def456"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Safari/605.1"
EDGE = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/142.0 Safari/537.36 Edg/142.0"
END = re.compile(r'name="id" value="([0-9a-f]{64})"')
ROW = re.compile(r'<li class="row row--plain">(.*?)</li>', re.DOTALL)
TAG = re.compile(r"<[^>]*>")


@pytest.fixture
async def on() -> AsyncIterator[Stage]:
    async with stage() as made:
        yield made


async def signed_in(on: Stage, email: str, user_agent: str = FIREFOX) -> httpx.AsyncClient:
    """A browser of this kind in which somebody is signed in, a minute after the one before."""
    on.clock.forward(minutes=1)
    browser = on.browser(**{"User-Agent": user_agent})
    answer = await on.sign_in(browser, email)
    assert answer.status_code == 303, answer.text
    return browser


async def listed(browser: httpx.AsyncClient) -> list[str]:
    """The open sign-ins that the account page lists, each as its HTML."""
    page = await browser.get("/account")
    assert page.status_code == 200, page.text
    after = page.text.partition('id="sign-ins"')[2]
    assert after
    return ROW.findall(after.partition("</section>")[0])


def words(html: str) -> str:
    """What a person reads of a piece of HTML."""
    return " ".join(unescape(TAG.sub(" ", html)).split())


async def end_ids(browser: httpx.AsyncClient) -> list[str]:
    """The ids behind the page's end buttons, in its order."""
    return END.findall("".join(await listed(browser)))


async def end(browser: httpx.AsyncClient, sign_in_id: str) -> httpx.Response:
    return await browser.post("/account/end-sign-in", data={"id": sign_in_id})


async def is_in(browser: httpx.AsyncClient) -> bool:
    status = (await browser.get("/")).status_code
    assert status in (200, 302)
    return status == 200


def id_of(browser: httpx.AsyncClient) -> str:
    return session_id(browser.cookies["sm_client"])


async def test_each_sign_in_says_from_what_how_and_when(on: Stage) -> None:
    await signed_in(on, "jane@acme.com", IPHONE)
    on.clock.forward(hours=1)
    google = on.browser(**{"User-Agent": EDGE})
    await on.sign_in_with_google(google, "jane@acme.com")
    on.clock.forward(days=1)
    by_code = on.browser(**{"User-Agent": FIREFOX})
    await on.ask_for_link(by_code, "jane@acme.com")
    await by_code.post("/auth/verify-code", data={"code": on.last_code()})
    rows = await listed(by_code)
    assert [words(row).partition(" · ")[0] for row in rows] == [
        "Firefox on Linux by mailed code",
        "Edge on Windows by Google",
        "Safari on iPhone by mailed link",
    ]
    # In the reader's own time: the clock of the tests stands at 15:30 UTC, 10:30 in New York.
    assert ["10:31" in row for row in rows] == [False, False, True]
    assert ["11:31" in row for row in rows] == [True, True, False]
    assert [re.findall(r'datetime="([^"]+)"', row) for row in rows] == [
        ["2026-11-25T16:31:00+00:00"],
        ["2026-11-24T16:31:00+00:00"],
        ["2026-11-24T15:31:00+00:00"],
    ]


async def test_every_sign_in_but_this_one_has_a_button_that_ends_it(on: Stage) -> None:
    browsers = [await signed_in(on, "jane@acme.com", kind) for kind in (IPHONE, FIREFOX, EDGE)]
    here = browsers[1]
    rows = await listed(here)
    assert ["This browser" in row for row in rows] == [False, True, False]
    assert [END.findall(row) for row in rows] == [[id_of(browsers[2])], [], [id_of(browsers[0])]]
    for row, name in ((rows[0], "Edge on Windows"), (rows[2], "Safari on iPhone")):
        assert f'aria-label="End the sign-in in {name}"' in row
        assert 'method="post" action="/account/end-sign-in"' in row


async def test_the_button_ends_that_sign_in_at_once_in_every_copy_and_no_other(on: Stage) -> None:
    here, there, third = [await signed_in(on, "jane@acme.com") for _ in range(3)]
    copy = on.browser(Cookie=f"sm_session_mode={there.cookies['sm_client']}")
    sam = await signed_in(on, "sam@acme.com")
    assert await is_in(there)
    assert await is_in(copy)
    answer = await end(here, id_of(there))
    assert (answer.status_code, answer.headers["location"]) == (303, "/account")
    found = [await is_in(browser) for browser in (there, copy, here, third, sam)]
    assert found == [False, False, True, True, True]


async def test_what_was_ended_is_listed_no_more(on: Stage) -> None:
    here, there, third = [await signed_in(on, "jane@acme.com") for _ in range(3)]
    assert await end_ids(here) == [id_of(third), id_of(there)]
    await end(here, id_of(there))
    assert await end_ids(here) == [id_of(third)]
    assert (await end(here, id_of(there))).status_code == 404
    await third.post("/auth/logout")
    assert await end_ids(here) == []
    assert len(await listed(here)) == 1


async def test_it_stays_ended_for_as_long_as_its_token_would_have_counted(on: Stage) -> None:
    here, there = [await signed_in(on, "jane@acme.com") for _ in range(2)]
    copy = on.browser(Cookie=f"sm_client={there.cookies['sm_client']}")
    await end(here, id_of(there))
    for _ in range(7):
        on.clock.forward(days=1, seconds=-1)
        assert not await is_in(copy)


async def test_another_persons_sign_in_is_not_found_and_goes_on(on: Stage) -> None:
    sam, jane = await signed_in(on, "sam@acme.com"), await signed_in(on, "jane@acme.com")
    hank = await signed_in(on, "hank@globex.com")
    assert id_of(sam) not in "".join(await listed(jane))
    for stranger in (jane, hank):
        answer = await end(stranger, id_of(sam))
        assert answer.status_code == 404
        unknown = await end(stranger, "0" * 64)
        assert unknown.status_code == 404
    assert await is_in(sam)
    assert len(await listed(sam)) == 1
    assert await on.activities("portal_logout") == []


@pytest.mark.parametrize("sent", ["", "x", "0" * 64, f"{SAM}:" + "0" * 64, "../" * 20])
async def test_an_id_that_names_no_sign_in_is_not_found(on: Stage, sent: str) -> None:
    jane = await signed_in(on, "jane@acme.com")
    assert (await end(jane, sent)).status_code == 404
    assert (await jane.post("/account/end-sign-in", data={})).status_code == 404
    assert await is_in(jane)


async def test_only_a_press_on_our_own_page_ends_a_sign_in(on: Stage) -> None:
    here, there = [await signed_in(on, "jane@acme.com") for _ in range(2)]
    sent = {"id": id_of(there)}
    foreign = await here.post(
        "/account/end-sign-in", data=sent, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert foreign.status_code == 403
    assert (await here.get("/account/end-sign-in", params=sent)).status_code == 405
    nobody = await on.browser().post("/account/end-sign-in", data=sent)
    assert nobody.status_code in (302, 303, 401)
    assert await is_in(there)


async def test_staff_who_look_on_end_nothing(on: Stage) -> None:
    jane, other = [await signed_in(on, "jane@acme.com") for _ in range(2)]
    ava = await previewing(on, JANE)
    assert await end_ids(ava) == [id_of(jane)]
    for path, sent in (
        ("/account/end-sign-in", {"id": id_of(jane)}),
        ("/auth/logout-everywhere", {}),
    ):
        await ava.post(path, data=sent)
        assert await is_in(jane)
        assert await is_in(other)


async def test_ending_a_sign_in_is_on_record_in_the_crm(on: Stage) -> None:
    here, there = [await signed_in(on, "jane@acme.com") for _ in range(2)]
    await end(here, id_of(there))
    [noted] = await on.activities("portal_logout")
    assert (noted["contact_id"], noted["company_id"]) == (JANE, "co_abc123")
    assert noted["source"] == "mode"
    assert noted["title"] == "Ended a sign-in from the account page"
    assert id_of(there) not in str(noted)


async def test_signing_out_everywhere_ends_all_of_this_person_and_nobody_elses(on: Stage) -> None:
    here, there = [await signed_in(on, "jane@acme.com") for _ in range(2)]
    hub = on.browser(Cookie=f"sm_client={hub_token(on, JANE, 'jane@acme.com')}")
    by_address = on.browser(Cookie=f"sm_client={hub_token(on, 'usr_42', 'jane@acme.com')}")
    own_copy = on.browser(Cookie=f"sm_client={here.cookies['sm_client']}")
    sam = await signed_in(on, "sam@acme.com")
    of_sam = on.browser(Cookie=f"sm_client={hub_token(on, SAM, 'sam@acme.com')}")
    everybody = (here, there, hub, by_address, own_copy, sam, of_sam)
    assert [await is_in(browser) for browser in everybody] == [True] * 7
    page = await here.get("/account")
    assert 'method="post" action="/auth/logout-everywhere"' in page.text
    assert (await here.post("/auth/logout-everywhere")).status_code == 303
    assert [await is_in(browser) for browser in everybody] == [False] * 5 + [True] * 2
    [noted] = await on.activities("portal_logout")
    assert (noted["contact_id"], noted["company_id"]) == (JANE, "co_abc123")
    assert noted["metadata"]["everywhere"] is True


async def test_a_platform_session_signs_out_everywhere_too(on: Stage) -> None:
    jane = await signed_in(on, "jane@acme.com")
    hub = on.browser(Cookie=f"sm_client={hub_token(on, 'usr_42', 'jane@acme.com')}")
    assert (await hub.post("/auth/logout-everywhere")).status_code == 303
    assert not await is_in(jane)
    assert not await is_in(hub)
    again = await signed_in(on, "jane@acme.com")
    assert [("This browser" in row) for row in await listed(again)] == [True]


async def test_a_platform_session_sees_the_sign_ins_made_here_and_can_end_them(on: Stage) -> None:
    hub = on.browser(Cookie=f"sm_client={hub_token(on, 'usr_42', 'jane@acme.com')}")
    assert await listed(hub) == []
    assert "None known here" in (await hub.get("/account")).text
    jane = await signed_in(on, "jane@acme.com")
    assert await end_ids(hub) == [id_of(jane)]
    assert "This browser" not in "".join(await listed(hub))
    assert (await end(hub, id_of(jane))).status_code == 303
    assert not await is_in(jane)
    assert await is_in(hub)


HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{ 7*7 }}%(browser)s"


async def test_nothing_that_a_browser_says_of_itself_is_on_the_page(on: Stage) -> None:
    jane = await signed_in(on, "jane@acme.com", f"{HOSTILE} Firefox/145.0 (Windows)")
    await signed_in(on, "jane@acme.com", HOSTILE)
    page = (await jane.get("/account")).text
    assert "Firefox on Windows" in page
    assert "an unknown browser" in page
    assert "alert(1)" not in page
    assert "onerror" not in page


async def test_a_note_that_is_hostile_all_the_same_is_shown_as_words(on: Stage) -> None:
    jane = await signed_in(on, "jane@acme.com")
    note = SignInNote(at=on.clock(), method=HOSTILE, browser=HOSTILE)
    await SignIns(on.env.state).remember(JANE, "f" * 64, note, timedelta(days=1))
    [row] = [row for row in await listed(jane) if "f" * 64 in row]
    assert words(row).startswith(HOSTILE)
    assert "<script>" not in row
    assert "<img" not in row
    assert re.findall(r'aria-label="([^"]*)"', row) == [
        "End the sign-in in &lt;script&gt;alert(1)&lt;/script&gt;&#34;&#39;&gt;"
        "&lt;img src=x onerror=alert(2)&gt;{{ 7*7 }}%(browser)s"
    ]


async def test_a_hostile_name_or_address_in_the_crm_is_shown_as_words(on: Stage) -> None:
    await on.patch("/api/companies/co_abc123", name=HOSTILE)
    await on.patch(f"/api/contacts/{SAM}", full_name=HOSTILE, title=HOSTILE)
    sam, jane = await signed_in(on, "sam@acme.com"), await signed_in(on, "jane@acme.com")
    await on.activities("portal_login")
    for browser in (sam, jane):
        page = (await browser.get("/account")).text
        assert "&lt;script&gt;alert(1)" in page
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert ">49" not in page
    shown = (await sam.get("/account")).text
    [name] = re.findall(r'<input[^>]*name="full_name"[^>]* value="([^"]*)"', shown)
    assert unescape(name) == HOSTILE


async def test_no_session_token_is_on_the_page_and_no_cache_keeps_it(on: Stage) -> None:
    jane = await signed_in(on, "jane@acme.com")
    await signed_in(on, "jane@acme.com")
    page = await jane.get("/account")
    token = jane.cookies["sm_client"]
    assert token not in page.text
    assert token.rpartition(".")[2] not in page.text
    assert "private" in page.headers["cache-control"] or "no-store" in page.headers["cache-control"]
