"""Mail sent over real SMTP is there in the mailbox, for programs and for people."""

from __future__ import annotations

import asyncio
import smtplib
import socket
from collections.abc import AsyncIterator
from email.message import EmailMessage

import httpx2 as httpx
import pytest

from portal.sandbox.mail import MOST_KEPT, Letter, keep_letter, list_letters, parse_letter
from portal.sandbox.pages import linkified
from portal.sandbox.smtp import listening
from portal.sandbox.store import Store
from tests.sandbox.setup import Clock, refused

LINK = "http://127.0.0.1:8787/auth/magic/verify?token=abc123&x=1"


@pytest.fixture
async def smtp_port(store: Store) -> AsyncIterator[int]:
    listener = socket.create_server(("127.0.0.1", 0))
    async with listening(store, listener):
        yield listener.getsockname()[1]


def letter_to(*recipients: str, subject: str = "Your sign-in link for Zoë €") -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Mode <no-reply@mode.example>"
    message["To"] = ", ".join(recipients)
    message["Subject"] = subject
    message.set_content(f"Hello Zoë,\n\nopen {LINK}.\n")
    message.add_alternative(f'<p>Hello <a href="{LINK}">Zoë</a></p>', subtype="html")
    return message


async def deliver(port: int, message: EmailMessage) -> None:
    def send() -> None:
        with smtplib.SMTP("127.0.0.1", port, timeout=5) as client:
            client.send_message(message)

    await asyncio.to_thread(send)


async def test_a_mail_over_smtp_arrives_as_json(api: httpx.AsyncClient, smtp_port: int) -> None:
    await deliver(smtp_port, letter_to("jane@acme.com"))
    found = (await api.get("/mailbox/messages", params={"to": "JANE@acme.com"})).json()
    assert isinstance(found, list)
    [message] = found
    assert set(message) == {"id", "to", "from", "subject", "text", "html", "received_at"}
    assert message["to"] == "jane@acme.com"
    assert message["from"] == "Mode <no-reply@mode.example>"
    assert message["subject"] == "Your sign-in link for Zoë €"
    assert message["text"] == f"Hello Zoë,\n\nopen {LINK}.\n"
    assert f'<a href="{LINK}">' in message["html"]
    assert message["received_at"] == "2026-05-13T10:42:00.000000Z"


async def test_each_recipient_has_a_copy_and_only_whole_addresses_match(
    api: httpx.AsyncClient, smtp_port: int
) -> None:
    await deliver(smtp_port, letter_to("jane@acme.com", "mary-jane@acme.com"))
    for to, count in (("jane@acme.com", 1), ("mary-jane@acme.com", 1), ("acme.com", 0), ("", 0)):
        found = (await api.get("/mailbox/messages", params={"to": to})).json()
        assert [message["to"] for message in found] == [to] * count
    assert len((await api.get("/mailbox/messages")).json()) == 2


async def test_the_newest_comes_first(api: httpx.AsyncClient, smtp_port: int) -> None:
    for subject in ("first", "second", "third"):
        await deliver(smtp_port, letter_to("jane@acme.com", subject=subject))
    found = (await api.get("/mailbox/messages")).json()
    assert [message["subject"] for message in found] == ["third", "second", "first"]


async def test_leaving_the_listener_closes_idle_connections(store: Store) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    async with listening(store, listener):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert (await reader.readline()).startswith(b"220")
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\xff\xfe",
        b"Subject: =?utf-8?b?!!!?=\r\n\r\nbody",
        b"Subject: \xff\xfe raw\r\nFrom: <<>>,,\r\n\r\n\xff\xfe",
        b"Content-Type: text/plain; charset=no-such\r\n\r\nbody",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n",
        b"Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!",
    ],
)
async def test_a_broken_mail_is_kept_too(
    api: httpx.AsyncClient, store: Store, content: bytes
) -> None:
    keep_letter(store, parse_letter(content, "sender@x.example"), ["jane@acme.com"])
    response = await api.get("/mailbox/messages")
    assert response.json()[0]["to"] == "jane@acme.com"
    assert (await api.get("/mailbox")).status_code == 200


async def test_only_the_newest_thousand_stay(store: Store) -> None:
    people = [f"p{number}@client.example" for number in range(MOST_KEPT + 5)]
    keep_letter(store, Letter("s", "x", "x", ""), people)
    kept = list_letters(store)
    assert len(kept) == MOST_KEPT
    assert kept[0]["to"] == people[-1]


async def test_the_page_shows_each_letter_with_its_link(
    api: httpx.AsyncClient, store: Store
) -> None:
    letter = Letter("Mode <a@mode.example>", "<b>Hi</b>", f"open {LINK}.", "<script>1</script>")
    keep_letter(store, letter, ["jane@acme.com"])
    page = (await api.get("/mailbox")).text
    shown = LINK.replace("&", "&amp;")
    assert f'<a href="{shown}" target="_blank" rel="noopener noreferrer">' in page
    assert "&lt;b&gt;Hi&lt;/b&gt;" in page
    assert "Delete all" in page
    assert "No mail to sam@acme.com yet." in (await api.get("/mailbox?to=sam@acme.com")).text


async def test_a_letter_shows_text_and_html_and_runs_nothing(
    api: httpx.AsyncClient, store: Store
) -> None:
    html = '<p>Hi</p><script>alert(1)</script><a href="https://x.example">x</a>'
    keep_letter(store, Letter("s", "subject", f"open {LINK}.", html), ["jane@acme.com"])
    [message] = list_letters(store)
    page = await api.get(f"/mailbox/{message['id']}")
    assert "script-src" not in page.headers["Content-Security-Policy"]
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in page.text
    frame = await api.get(f"/mailbox/{message['id']}/html")
    policy = frame.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "script" not in policy.replace("allow-scripts", "script")
    assert "sandbox allow-popups" in policy
    assert html in frame.text
    refused(await api.get("/mailbox/nothing"), 404)
    refused(await api.get("/mailbox/nothing/html"), 404)


async def test_the_button_empties_the_mailbox_and_other_sites_cannot(
    api: httpx.AsyncClient, store: Store
) -> None:
    for headers, status in (({"Sec-Fetch-Site": "same-origin"}, 303), ({}, 303)):
        keep_letter(store, Letter("s", "x", "x", ""), ["jane@acme.com"])
        assert (await api.post("/mailbox/delete", headers=headers)).status_code == status
        assert list_letters(store) == []
    keep_letter(store, Letter("s", "x", "x", ""), ["jane@acme.com"])
    for site in ("cross-site", "same-site"):
        foreign = {"Sec-Fetch-Site": site}
        refused(await api.post("/mailbox/delete", headers=foreign), 403)
        refused(await api.delete("/mailbox/messages", headers=foreign), 403)
    assert len(list_letters(store)) == 1
    assert (await api.delete("/mailbox/messages")).status_code == 204
    assert list_letters(store) == []


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("see http://a.example/x?y=1.", 'see <a href="http://a.example/x?y=1"'),
        ("(https://a.example)", '(<a href="https://a.example"'),
        ('https://a.example/"onclick="x', '<a href="https://a.example/"'),
        ("javascript:alert(1)", "javascript:alert(1)"),
        ("<b>http://a.example</b>", '&lt;b&gt;<a href="http://a.example"'),
    ],
)
def test_only_addresses_become_links(text: str, html: str) -> None:
    made = str(linkified(text))
    assert made.startswith(html)
    assert "<b>" not in made
    assert "onclick" not in made or "&#34;onclick" in made


async def test_the_start_page_lists_addresses_and_people(
    demo: httpx.AsyncClient, clock: Clock
) -> None:
    page = await demo.get("/")
    for expected in ("jane@acme.com", "127.0.0.1:8725", "/mailbox", "Zoë Łukasiewicz"):
        assert expected in page.text
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'self'")
    css = await demo.get("/assets/sandbox.css")
    assert css.headers["Content-Type"].startswith("text/css")
    assert "prefers-color-scheme: dark" in css.text
