"""Reading a time zone and a language as the CRM has them: free text, so anything may come."""

from __future__ import annotations

from functools import lru_cache
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError


@lru_cache(maxsize=1024)
def time_zone_or(name: str | None, fallback: str) -> str:
    """`name` when it is an IANA zone such as `Europe/Warsaw`, else `fallback`."""
    if not name:
        return fallback
    try:
        return ZoneInfo(name).key
    except (ValueError, OSError, KeyError):
        return fallback


@lru_cache(maxsize=1024)
def locale_or(name: str | None, fallback: str) -> str:
    """`name` as a Babel identifier (`es-MX` and `es_MX` both give `es_MX`), else `fallback`."""
    if not name:
        return fallback
    try:
        return str(Locale.parse(name.replace("-", "_")))
    except (ValueError, UnknownLocaleError):
        return fallback
