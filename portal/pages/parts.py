"""A part of a page that there is no data for: the rest is shown, and the part says so."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from portal.errors import SMApiError, SMApiRejected

T = TypeVar("T")


async def if_there(reading: Awaitable[T]) -> T | None:
    """What is read; None when SM API cannot be asked and nothing of it is known.

    None is never the same as nothing: templates say "cannot be shown" for it, not "none".
    """
    try:
        return await reading
    except SMApiRejected:
        raise
    except SMApiError:
        return None
