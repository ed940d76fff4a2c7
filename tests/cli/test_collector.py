"""The collector rests while programs load, and never longer."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from portal.cli.collector import collector_off


@pytest.fixture(autouse=True)
def nothing_stays_frozen() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_it_is_off_inside_and_leaves_alone_what_was_loaded_there() -> None:
    before = gc.get_freeze_count()
    with collector_off():
        assert not gc.isenabled()
    assert gc.isenabled()
    assert gc.get_freeze_count() > before


def test_it_is_on_again_when_loading_failed() -> None:
    with pytest.raises(ModuleNotFoundError), collector_off():
        raise ModuleNotFoundError
    assert gc.isenabled()
