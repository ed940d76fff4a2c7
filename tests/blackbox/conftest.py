"""One set of real processes for the whole package."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.blackbox.browser import Browser
from tests.blackbox.launch import standing
from tests.blackbox.stand import Person, Stand

LAST = "test_logs.py"


@pytest.fixture(scope="package")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """A sandbox and three portals, with the demo data."""
    with standing(tmp_path_factory.mktemp("stand")) as made:
        yield made


@pytest.fixture
def browser(stand: Stand) -> Browser:
    """A fresh browser at the main portal."""
    return stand.browser()


@pytest.fixture
def person(stand: Stand) -> Person:
    """Somebody new at Acme who may enter."""
    return stand.person()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The logs are read once everything else of this package has been written to them."""
    here = Path(__file__).parent
    places = [place for place, item in enumerate(items) if item.path.parent == here]
    ours = sorted((items[place] for place in places), key=lambda item: item.path.name == LAST)
    for place, item in zip(places, ours, strict=True):
        items[place] = item
