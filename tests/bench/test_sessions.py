"""The made-up people are signed in for the portal, and come as often as they should."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

from portal.auth.session import verify
from tests.bench.crm import company_id, contact_id
from tests.bench.sessions import PAGES, SESSION_SECRET, first_visits, one_page, token, zipf
from tests.blackbox.tokens import decoded


def test_the_portal_accepts_a_session() -> None:
    session = verify(token(307, 100), [SESSION_SECRET], datetime.now(UTC))
    assert session.claims.id == contact_id(307)
    assert session.claims.holds("mode")


def test_a_session_names_the_company_for_the_guides_worker() -> None:
    assert decoded(token(307, 100).split(".")[1])["company_id"] == company_id(7)


def test_first_visits_never_meet_anybody_twice() -> None:
    lines = [*first_visits(0, 50, 1000), *first_visits(50, 50, 1000)]
    assert len(set(lines)) == 100
    assert {line.split()[0] for line in lines} == {"/"}


def test_the_hot_page_is_one() -> None:
    assert len(one_page(100)) == 1


def test_warm_requests_are_the_same_at_every_run_and_fall_off_by_rank() -> None:
    lines = zipf(people=20, companies=10, count=5000)
    assert lines == zipf(people=20, companies=10, count=5000)
    paths = Counter(line.split()[0] for line in lines)
    whole = [page for page in PAGES if "{" not in page]
    assert set(whole) < set(paths)
    assert max(paths, key=lambda path: paths[path]) == "/"
    people = Counter(line.split()[1] for line in lines)
    assert len(people) == 20
    ranked = [people[token(number, 10)] for number in range(20)]
    assert ranked[0] > 1.5 * ranked[1] > 1.5 * ranked[4]


def test_a_page_of_a_record_is_one_of_the_persons_own_company() -> None:
    for line in zipf(people=20, companies=10, count=200):
        path, session = line.split()
        if path.count("/") == 2:
            company = decoded(session.split(".")[1])["company_id"]
            assert company.removeprefix("co_") in path
