"""What somebody wants to see of the timeline, as the address of the page says it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar
from urllib.parse import urlencode

STEP: Final = 25
"""How many entries one press on "Show more" adds."""

MOST: Final = 500


class Filed(Protocol):
    """The fields of an activity that the filter reads; `crm.models.Activity` has them."""

    @property
    def activity_type(self) -> str:
        """Free-form word such as `scan_completed` (sm-api §6)."""

    @property
    def engagement_id(self) -> str | None:
        """The engagement that it belongs to, if to one."""


FiledT = TypeVar("FiledT", bound=Filed)


@dataclass(frozen=True)
class ActivityFilter:
    """`kind` is an activity type, `engagement` an id, each None for all; `show` at most so many."""

    kind: str | None = None
    engagement: str | None = None
    show: int = STEP

    @classmethod
    def read(cls, query: Mapping[str, str]) -> ActivityFilter:
        """The filter of a query; what cannot be read counts as not said."""
        shown = query.get("show", "")
        show = int(shown) if shown.isascii() and shown.isdecimal() and len(shown) <= 4 else STEP
        return cls(
            kind=query.get("kind") or None,
            engagement=query.get("engagement") or None,
            show=max(STEP, min(show, MOST)),
        )

    @property
    def is_narrow(self) -> bool:
        """Whether it leaves anything out."""
        return self.kind is not None or self.engagement is not None

    def apply(self, found: Sequence[FiledT]) -> list[FiledT]:
        """Those that fit, in their order, however many are to be shown."""
        return [
            one
            for one in found
            if self.kind in (None, one.activity_type)
            and self.engagement in (None, one.engagement_id)
        ]

    def more(self) -> str:
        """The query of the page that shows one step more."""
        said = {"kind": self.kind, "engagement": self.engagement, "show": self.show + STEP}
        return urlencode({name: value for name, value in said.items() if value is not None})


def kinds_of(found: Iterable[Filed]) -> list[str]:
    """The activity types that there are, each once, sorted."""
    return sorted({one.activity_type for one in found})
