"""Reading the values of variables: from TOML as they are typed there, or from text.

Each reader gives the value in the form in which the code uses it, or raises ValueError with what
it expected, in words that follow "Expected NAME to be".
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.utils import parseaddr
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError

Reader = Callable[[object], Any]

WORD: Final = re.compile(r"[A-Za-z0-9_.-]+")
KIND: Final = re.compile(r"(?:[A-Za-z0-9_.-]+:)?[A-Za-z0-9_.-]+")
SIGN: Final = re.compile(r"[A-Za-z0-9_.-]+(?::\s*\S[^:]*)?")
LINK: Final = re.compile(r"https://[^\s/]+(?:/\S*)?|/(?!/)\S*")
COLOUR: Final = re.compile(r"#[0-9a-f]{6}")
SYMBOL: Final = re.compile(r"[0-9A-HJKMNP-TV-Z]", re.ASCII)
SLUG: Final = re.compile(r"[A-Za-z0-9]+(-[A-Za-z0-9]+)*")
DOMAIN: Final = re.compile(r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]([a-z0-9-]*[a-z0-9])?")
CREDENTIALS: Final = re.compile(r'([^\s"]*?//)[^\s"]*@|[^\s":]+:[^\s"]*@')
LEAST_SECRET_BYTES: Final = 16
DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def text(value: object) -> str:
    """Any text."""
    return secret(value).strip()


def slug(value: object) -> str:
    """A word of letters, digits and dashes, as SM API uses for products and portals."""
    if not isinstance(value, str) or not SLUG.fullmatch(value):
        raise ValueError("a slug of letters, digits and dashes")
    return value


def secret(value: object) -> str:
    """A secret: text, taken exactly as it is."""
    if not isinstance(value, str):
        raise ValueError("text")  # noqa: TRY004 # all readers refuse in the same way
    return value


def signing_secret(value: object) -> str:
    """A secret to sign with: 32 characters or more, as HS256 needs (RFC 7518 §3.2)."""
    if not isinstance(value, str) or len(value) < 32:
        raise ValueError("at least 32 characters long")
    return value


def named_secrets(value: object) -> tuple[tuple[str, str], ...]:
    """Secrets of 16 bytes or more, each as `id:secret`, in their order; all ids are different.

    An id is one digit or letter but I, L, O and U. A TOML array, or text with commas or blanks
    between them.
    """
    items = re.split(r"[\s,]+", value.strip(" ,\n\t")) if isinstance(value, str) else value
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise ValueError("a list of id:secret, newest first")
    named = [(id_.upper(), kept) for id_, _, kept in (item.partition(":") for item in items)]
    if not named or not all(SYMBOL.fullmatch(id_) for id_, _ in named):
        raise ValueError("a list of id:secret, each id one digit or letter but I, L, O and U")
    if any(len(kept.encode()) < LEAST_SECRET_BYTES for _, kept in named):
        raise ValueError(f"a list of id:secret, each secret {LEAST_SECRET_BYTES} bytes or more")
    if len({id_ for id_, _ in named}) < len(named):
        raise ValueError("a list of id:secret in which no id is there twice")
    return tuple(named)


def one_of(*choices: str) -> Reader:
    """One of a few words, in any case."""

    def read(value: object) -> str:
        if not isinstance(value, str) or value.strip().lower() not in choices:
            raise ValueError(" or ".join(f'"{choice}"' for choice in choices))
        return value.strip().lower()

    return read


def whole_number(least: int, most: int) -> Reader:
    """A whole number in a range, both ends included."""

    def read(value: object) -> int:
        expected = ValueError(f"a whole number from {least} to {most}")
        if isinstance(value, str) and re.fullmatch(r"\s*[0-9]{1,9}\s*", value, re.ASCII):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise expected
        return value

    return read


def words(value: object) -> tuple[str, ...]:
    """A list of words: a TOML array, or text with commas or spaces between them."""
    items = re.split(r"[\s,]+", value.strip(" ,\n\t")) if isinstance(value, str) else value
    if items == [""]:
        return ()
    if not isinstance(items, list) or not all(
        isinstance(item, str) and WORD.fullmatch(item) for item in items
    ):
        raise ValueError("a list of words")
    return tuple(dict.fromkeys(items))


def kinds(value: object) -> tuple[str, ...]:
    """A list of kinds of activity: `type`, or `source:type` for another source's."""
    items = value if isinstance(value, list) else re.split(r"[\s,]+", text(value).strip(" ,\n\t"))
    if not all(isinstance(item, str) and KIND.fullmatch(item) for item in items):
        raise ValueError("a list of kinds such as milestone or scanner:scan_completed")
    return tuple(dict.fromkeys(items))


def stages(value: object) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Stages in their order, each with its activities: a TOML table, or the same as JSON text.

    An activity is a `type`, or `type:words` for one whose title has the words; none leads to two
    stages.
    """
    expected = 'a table of stages such as Build = ["milestone", "phase_started:Build"]'
    try:
        table = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        table = None
    if not isinstance(table, dict) or not all(isinstance(one, list) for one in table.values()):
        raise ValueError(expected)
    entries = [entry for listed in table.values() for entry in listed]
    if not all(isinstance(e, str) and SIGN.fullmatch(e) for e in entries) or "" in table:
        raise ValueError(expected)
    if len({entry.casefold() for entry in entries}) < len(entries):
        raise ValueError("a table that leads no activity to two stages")
    return tuple((name, tuple(listed)) for name, listed in table.items())


def links(value: object) -> tuple[tuple[str, str], ...]:
    """Links in their order, each by its name: a TOML table, or the same as JSON text.

    One leads to an https address, or to a path of the portal itself.
    """
    expected = 'a table of links such as Status = "https://status.example.com"'
    try:
        table = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        table = None
    if not isinstance(table, dict) or "" in table:
        raise ValueError(expected)
    if not all(isinstance(one, str) and LINK.fullmatch(one) for one in table.values()):
        raise ValueError(expected)
    return tuple(table.items())


def colour(value: object) -> str:
    """A colour as `#rrggbb`, in lower case."""
    written = text(value).lower()
    if not COLOUR.fullmatch(written):
        raise ValueError("a colour such as #0c917b")
    return written


def domains(value: object) -> tuple[str, ...]:
    """A list of domain names, in lower case."""
    try:
        names = tuple(name.lower() for name in words(value))
    except ValueError:
        names = ("",)
    if not all(DOMAIN.fullmatch(name) for name in names):
        raise ValueError("a list of domain names")
    return names


def cookie_domain(value: object) -> str:
    """A domain that hosts share a cookie in, with or without the dot that RFC 6265 ignores."""
    name = value.strip().lower() if isinstance(value, str) else ""
    if not DOMAIN.fullmatch(name.removeprefix(".")):
        raise ValueError('a domain name such as ".example.com"')
    return name


def origin(value: object) -> str:
    """An origin as browsers send it: lower case, no default port, no path (RFC 6454 §6.2)."""
    expected = 'an origin: scheme and host alone, such as "https://portal.example.com"'
    parts = _web_address(value, expected)
    if parts.path not in ("", "/"):
        raise ValueError(expected)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    port = "" if parts.port in (None, DEFAULT_PORTS[parts.scheme]) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


def web_address(value: object) -> str:
    """An http(s) address without credentials, query or fragment; a final slash is dropped."""
    return (
        _web_address(value, 'a web address such as "https://api.example.com"').geturl().rstrip("/")
    )


def smtp_address(value: object) -> str:
    """`smtp://host:port`, or with `smtp+starttls:` or `smtps:`, and credentials when needed."""
    expected = ValueError(
        'a mail server such as "smtp://127.0.0.1:25", or with smtp+starttls: or smtps:'
    )
    parts = _split(value, expected)
    if parts.scheme not in ("smtp", "smtp+starttls", "smtps") or parts.path not in ("", "/"):
        raise expected
    return parts.geturl()


def mailbox(value: object) -> str:
    """An address, alone or with a name: `Mode <mode@example.com>` (RFC 5322 §3.4)."""
    expected = ValueError('an e-mail address, or one with a name: "Mode <mode@example.com>"')
    if not isinstance(value, str) or "\n" in value or "\r" in value:
        raise expected
    name, address = parseaddr(value)
    try:
        whole = Address(name, addr_spec=address)
    except (ValueError, IndexError, HeaderParseError):
        raise expected from None
    if not whole.username or not whole.domain or " " in whole.addr_spec:
        raise expected
    return value.strip()


def time_zone(value: object) -> str:
    """An IANA time zone."""
    try:
        return ZoneInfo(text(value)).key
    except (ValueError, OSError, KeyError):
        raise ValueError('an IANA time zone such as "Europe/Berlin"') from None


def locale(value: object) -> str:
    """A locale as Babel names it: `es-MX` and `es_MX` both give `es_MX`."""
    try:
        return str(Locale.parse(text(value).replace("-", "_")))
    except (ValueError, UnknownLocaleError):
        raise ValueError('a locale such as "en_US"') from None


def without_credentials(value: str) -> str:
    """The text with the user and password of a URL in it masked, fit for a screen or a log."""
    return CREDENTIALS.sub(r"\1***@", value)


def _web_address(value: object, expected: str) -> SplitResult:
    parts = _split(value, ValueError(expected))
    if (
        parts.scheme not in DEFAULT_PORTS
        or parts.username is not None
        or parts.password is not None
    ):
        raise ValueError(expected)
    return parts


def _split(value: object, expected: ValueError) -> SplitResult:
    """A URL with a usable host and port, and neither query nor fragment."""
    if not isinstance(value, str) or re.search(r"\s", value.strip()):
        raise expected
    try:
        parts = urlsplit(value.strip())
        usable = bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise expected from None
    if not usable or parts.query or parts.fragment:
        raise expected
    return parts
