"""Reading one company's records of one product, through the cache that all its people share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, Generic, NamedTuple, TypeVar

from portal.crm.answers import field_of
from portal.crm.cache import Flight, Keeping, Key, Load, Patience, ReadCache, Reading, Sized
from portal.crm.client import SMApi, as_kind, decode
from portal.crm.models import Company
from portal.errors import SMApiError

T = TypeVar("T")
_Read = Callable[[Any, type[T], str], T]

STALE_FOR: Final = 12
"""How many times its freshness an answer is still served while it is asked for anew: a minute at
the five seconds that are usual."""

GOOD_FOR: Final = timedelta(hours=12)
"""How old last good data may be."""


OWNER_FIELDS: Final = frozenset({"company_id"})
LOGGED_FIELDS: Final = OWNER_FIELDS | {"source", "activity_type"}
"""What says of a record whose it is."""


def keeping_for(freshness: float) -> Keeping:
    """How long records are kept that count as fresh for so many seconds."""
    fresh = timedelta(seconds=freshness)
    return Keeping(fresh, fresh * STALE_FOR, GOOD_FOR)


@dataclass(frozen=True)
class Records(Generic[T]):
    """What a list held of the company; unless `is_whole`, there may be more than was read."""

    items: tuple[T, ...]
    is_whole: bool = True


class Listing(NamedTuple, Generic[T]):
    """A list of the company's records, each as `kind`; at the `most` so many are read.

    `of_product`: SM API is asked for the product's alone. `activity_type`: for one type alone.
    `is_logged`: what this portal itself logged of that type. Of its details only texts count:
    others who log may do it in shapes of their own.
    """

    resource: str
    kind: type[T]
    of_product: bool = False
    most: int | None = None
    activity_type: str | None = None
    is_logged: bool = False

    @property
    def path(self) -> str:
        """Where it is asked for."""
        return f"/api/{self.resource}"


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Need:
    """A reading that something was made from: how to read it again, and its version."""

    key: Key
    load: Load[Any]
    version: int


@dataclass(frozen=True)
class Source:
    """Where a company's records come from.

    Kept pages hold it with their needs: it has nothing of all that was read for one.
    """

    sm: SMApi
    company_id: str
    product: str

    async def listed(self, listing: Listing[T]) -> Sized[Records[T]]:
        """Read a list of the company.

        What is others' is dropped before it can be of any trouble: a fault in that is not this
        company's.
        """
        path, kind, most = listing.path, listing.kind, listing.most
        asked = {"company_id": self.company_id}
        if listing.of_product:
            asked["product"] = self.product
        if listing.activity_type is not None:
            asked["type"] = listing.activity_type
        read: _Read[T] = decode_logged if listing.is_logged else as_kind
        # A shape without the fields that say whose a record is cannot be decoded before that.
        names = LOGGED_FIELDS if listing.is_logged else OWNER_FIELDS
        straight = kind if names <= {*getattr(kind, "__struct_fields__", ())} else None
        records, size = await self.sm.listed(path, asked, most=most, kind=straight)
        items = tuple([read(r, kind, path) for r in records if self._is_own(r, listing)])
        return Sized(Records(items, is_whole=most is None or len(records) < most), size)

    def _is_own(self, record: Any, listing: Listing[Any]) -> bool:
        return field_of(record, "company_id") == self.company_id and (
            not listing.is_logged
            or (
                field_of(record, "source") == self.product
                and field_of(record, "activity_type") == listing.activity_type
            )
        )

    async def company(self) -> Sized[Company]:
        """The company's own record. Raises SMApiNotFound."""
        return Sized(*await self.sm.record(f"/api/companies/{self.company_id}", Company))


class CompanyReads:
    """What SM API knows of one company, for one product. Lives as long as one request.

    `since` is a mark of the cache: nothing older is taken. `now`: last good data is not taken
    either, and each method raises SMApiError as soon as SM API cannot be asked.
    """

    def __init__(
        self,
        sm: SMApi,
        cache: ReadCache[Any],
        company_id: str,
        product: str,
        *,
        patience: Patience | None = None,
        since: int = 0,
        now: bool = False,
    ) -> None:
        self._source = Source(sm, company_id, product)
        self._cache = cache
        self._group = (product, company_id)
        self._patience = patience
        self._since = since
        self._now = now
        self._read: dict[Key, Reading[Any]] = {}
        self._begun: dict[Key, Reading[Any] | Flight[Any]] = {}
        self._needs: dict[Key, Need] = {}
        self.as_of: datetime | None = None
        self.has_gaps = False

    @property
    def needs(self) -> tuple[Need, ...]:
        """What has been read, for `still_stand`."""
        return tuple(self._needs.values())

    async def still_stand(self, needs: Iterable[Need]) -> bool:
        """Whether each of these readings is the same now, as fresh as for a page made anew."""
        waited_for = []
        for need in needs:
            reading = self._cache.at_once(
                need.key, need.load, since=self._since, last_good=not self._now
            )
            if reading is None:
                waited_for.append(need)
            elif not _is_same(reading, need):
                return False
        for need in waited_for:
            self._begin(need.key, need.load)
        for need in waited_for:
            if not _is_same(await self._get(need.key, need.load), need):
                return False
        return True

    def expire(self) -> None:
        """Something of this company has just been changed by us."""
        self._read.clear()
        self._begun.clear()
        self._cache.expire(self._group)

    async def list(self, listing: Listing[T]) -> Reading[Records[T]]:
        """A list of the company's records."""
        return await self._get(self._key(listing), partial(self._source.listed, listing))

    def begin(self, listings: Iterable[Listing[Any]]) -> None:
        """Have all of these asked for now, so that none waits for another when they are read."""
        for listing in listings:
            self._begin(self._key(listing), partial(self._source.listed, listing))

    def ask(self, listings: Iterable[Listing[Any]]) -> None:
        """Have asked for what these will be read as, though nobody may come to read them."""
        for listing in listings:
            self._cache.ask(self._key(listing), partial(self._source.listed, listing))

    def _key(self, listing: Listing[Any]) -> Key:
        return Key(self._group, listing.resource, listing)

    async def company(self) -> Reading[Company]:
        """The company's own record. Raises SMApiNotFound."""
        return await self._get(self._company_key(), self._source.company)

    def begin_company(self) -> None:
        """As `begin`, for the company's own record."""
        self._begin(self._company_key(), self._source.company)

    def ask_company(self) -> None:
        """Have asked for what `company` would wait for."""
        self._cache.ask(self._company_key(), self._source.company)

    def _company_key(self) -> Key:
        return Key(self._group, "companies", Company)

    def _begin(self, key: Key, load: Load[Any]) -> Reading[Any] | Flight[Any]:
        begun = self._read.get(key) or self._begun.get(key)
        if begun is None:
            begun = self._begun[key] = self._cache.begin(
                key, load, since=self._since, last_good=not self._now
            )
        return begun

    async def _get(self, key: Key, load: Load[Any]) -> Reading[Any]:
        """What is read twice for one page is the same both times, whatever changes in between."""
        read = self._read.get(key)
        if read is not None:
            return read
        begun = self._begin(key, load)
        try:
            reading = (
                begun
                if isinstance(begun, Reading)
                else await self._cache.landed(key, begun, self._patience, last_good=not self._now)
            )
        except SMApiError:
            self.has_gaps = True
            raise
        finally:
            self._begun.pop(key, None)
        # Whoever waited for it at the same time may have been here first.
        reading = self._read.setdefault(key, reading)
        self._needs[key] = Need(key, load, reading.version)
        if reading.is_last_good:
            self.as_of = min(self.as_of or reading.asked_at, reading.asked_at)
        return reading


def _is_same(reading: Reading[Any], need: Need) -> bool:
    return reading.version == need.version and not reading.is_last_good


def decode_logged(record: Any, kind: type[T], path: str) -> T:
    """A record that this portal logged: of its details the texts. Raises SMApiMalformed."""
    if isinstance(record, kind):
        return record
    metadata = record.get("metadata")
    fields = metadata.items() if isinstance(metadata, dict) else ()
    texts = {name: value for name, value in fields if isinstance(value, str)}
    return decode({**record, "metadata": texts}, kind, path)
