"""Reading one company's records of one product, through the cache that all its people share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Generic, TypeVar

from portal.crm.answers import field_of
from portal.crm.cache import Keeping, Key, Patience, ReadCache, Reading, Sized
from portal.crm.client import Params, SMApi, as_kind, decode, resource_of
from portal.errors import SMApiError

T = TypeVar("T")
_Read = Callable[[Any, type[T], str], T]

STALE_FOR: Final = 12
"""How many times its freshness an answer is still served while it is asked for anew: a minute at
the five seconds that are usual."""

GOOD_FOR: Final = timedelta(hours=12)
"""How old last good data may be."""


def keeping_for(freshness: float) -> Keeping:
    """How long records are kept that count as fresh for so many seconds."""
    fresh = timedelta(seconds=freshness)
    return Keeping(fresh, fresh * STALE_FOR, GOOD_FOR)


@dataclass(frozen=True)
class Records(Generic[T]):
    """What a list held of the company; unless `is_whole`, there may be more than was read."""

    items: tuple[T, ...]
    is_whole: bool = True


@dataclass(frozen=True)
class Need:
    """A reading that something was made from: how to read it again, and its version."""

    key: Key
    load: Callable[[], Awaitable[Sized[Any]]]
    version: int


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
        self._sm = sm
        self._cache = cache
        self._company_id = company_id
        self._product = product
        self._group = (product, company_id)
        self._patience = patience
        self._since = since
        self._now = now
        self._read: dict[Key, Reading[Any]] = {}
        self._needs: dict[Key, Need] = {}
        self.as_of: datetime | None = None
        self.has_gaps = False

    @property
    def needs(self) -> tuple[Need, ...]:
        """What has been read, for `still_stand`."""
        return tuple(self._needs.values())

    async def still_stand(self, needs: Iterable[Need]) -> bool:
        """Whether each of these readings is the same now, as fresh as for a page made anew."""
        for need in needs:
            reading = await self._get(need.key, need.load)
            if reading.version != need.version or reading.is_last_good:
                return False
        return True

    def expire(self) -> None:
        """Something of this company has just been changed by us."""
        self._read.clear()
        self._cache.expire(self._group)

    async def list(
        self,
        path: str,
        kind: type[T],
        params: Params | None = None,
        *,
        most: int | None = None,
    ) -> Reading[Records[T]]:
        """A list of the company's records, each as `kind`."""
        return await self._get(*self._list(path, kind, params, most))

    async def logged(self, activity_type: str, kind: type[T], *, most: int) -> Reading[Records[T]]:
        """What this portal itself logged of one type.

        Of its details only texts count: others who log may do it in shapes of their own.
        """
        return await self._get(*self._logged(activity_type, kind, most))

    def ask_list(
        self,
        path: str,
        kind: type[Any],
        params: Params | None = None,
        *,
        most: int | None = None,
    ) -> None:
        """Have asked for what `list` of the same would wait for."""
        self._cache.ask(*self._list(path, kind, params, most))

    def ask_logged(self, activity_type: str, kind: type[Any], *, most: int) -> None:
        """Have asked for what `logged` of the same would wait for."""
        self._cache.ask(*self._logged(activity_type, kind, most))

    def _list(
        self, path: str, kind: type[T], params: Params | None, most: int | None
    ) -> tuple[Key, Callable[[], Awaitable[Sized[Records[T]]]]]:
        return self._listing(path, kind, as_kind, params or {}, {}, most)

    def _logged(
        self, activity_type: str, kind: type[T], most: int
    ) -> tuple[Key, Callable[[], Awaitable[Sized[Records[T]]]]]:
        own = {"source": self._product, "activity_type": activity_type}
        asked = {"type": activity_type}
        return self._listing("/api/activities", kind, decode_logged, asked, own, most)

    def _listing(
        self,
        path: str,
        kind: type[T],
        read: _Read[T],
        params: Params,
        own: Mapping[str, str],
        most: int | None,
    ) -> tuple[Key, Callable[[], Awaitable[Sized[Records[T]]]]]:
        """How to read a list, and as what to keep it.

        What is others' is dropped before it can be of any trouble: a fault in that is not this
        company's.
        """
        asked = {**params, "company_id": self._company_id}
        own = {**own, "company_id": self._company_id}

        # A shape without the fields that say whose a record is cannot be decoded before that.
        straight = kind if own.keys() <= {*getattr(kind, "__struct_fields__", ())} else None

        async def load() -> Sized[Records[T]]:
            records, size = await self._sm.listed(path, asked, most=most, kind=straight)
            items = tuple(
                read(record, kind, path)
                for record in records
                if all(field_of(record, name) == value for name, value in own.items())
            )
            return Sized(Records(items, is_whole=most is None or len(records) < most), size)

        key = Key(self._group, resource_of(path), (path, kind, tuple(sorted(asked.items())), most))
        return key, load

    async def record(self, path: str, kind: type[T]) -> Reading[T]:
        """One record. Raises SMApiNotFound."""

        async def load() -> Sized[T]:
            return Sized(*await self._sm.record(path, kind))

        return await self._get(Key(self._group, resource_of(path), (path, kind)), load)

    async def _get(self, key: Key, load: Callable[[], Awaitable[Sized[Any]]]) -> Reading[Any]:
        """What is read twice for one page is the same both times, whatever changes in between."""
        read = self._read.get(key)
        if read is not None:
            return read
        try:
            reading = await self._cache.get(
                key, load, self._patience, since=self._since, last_good=not self._now
            )
        except SMApiError:
            self.has_gaps = True
            raise
        self._read[key] = reading
        self._needs[key] = Need(key, load, reading.version)
        if reading.is_last_good:
            self.as_of = min(self.as_of or reading.asked_at, reading.asked_at)
        return reading


def decode_logged(record: Any, kind: type[T], path: str) -> T:
    """A record that this portal logged: of its details the texts. Raises SMApiMalformed."""
    if isinstance(record, kind):
        return record
    metadata = record.get("metadata")
    fields = metadata.items() if isinstance(metadata, dict) else ()
    texts = {name: value for name, value in fields if isinstance(value, str)}
    return decode({**record, "metadata": texts}, kind, path)
