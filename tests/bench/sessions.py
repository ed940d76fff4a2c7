"""Signed-in people: tokens as the platform makes them, and which page who asks for next."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import Final

from tests.bench.crm import address, company_id, contact_id, engagement_id, invoice_id
from tests.blackbox.tokens import HOUR, HS256, claims_of, forged

SESSION_SECRET: Final = "benchmark-session-secret-that-is-long-enough"
PAGES: Final = (
    *("/", "/invoices", "/engagements", "/engagements/{engagement}", "/invoices/{invoice}"),
    *("/activity", "/statement", "/team", "/account"),
)
"""The portal's pages, most visited first."""

SEED: Final = 20261124


@lru_cache(maxsize=20_000)
def token(person: int, companies: int) -> str:
    """A session token. It names the company, which the guide's worker takes from it."""
    claims = claims_of(
        contact_id(person),
        address(person),
        name=f"Person O'Number {person}",
        company_id=company_id(person % companies),
        exp=int(time.time()) + 24 * HOUR,
    )
    return forged(HS256, claims, SESSION_SECRET)


def first_visits(first: int, count: int, companies: int) -> Iterator[str]:
    """The home page for person after person, each of another company: nothing is met twice."""
    return (f"/ {token(n % companies, companies)}" for n in range(first, first + count))


def one_page(companies: int) -> list[str]:
    """The same page for the same person."""
    return [f"/ {token(0, companies)}"]


def zipf(people: int, companies: int, count: int) -> list[str]:
    """Requests of `people` people over the real pages, both drawn by Zipf's law (exponent 1)."""
    chance = random.Random(SEED)
    persons = chance.choices(range(people), cum_weights=_zipf_weights(people), k=count)
    pages = chance.choices(PAGES, cum_weights=_zipf_weights(len(PAGES)), k=count)
    return [
        f"{_path(page, person % companies)} {token(person, companies)}"
        for page, person in zip(pages, persons, strict=True)
    ]


def _path(page: str, company: int) -> str:
    return page.format(engagement=engagement_id(company), invoice=invoice_id(company))


def _zipf_weights(count: int) -> Sequence[float]:
    return list(accumulate(1 / rank for rank in range(1, count + 1)))
