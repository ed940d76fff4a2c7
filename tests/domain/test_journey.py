"""The journey: which stage an activity leads to, and how far a piece of work has come."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.domain.journey import Course, Journey, Sign, StepState, courses
from portal.edge.config import load_config
from portal.variables import JOURNEY_BY_DEFAULT, VISIBLE_BY_DEFAULT

ROOT: Final = Path(__file__).parent.parent.parent
MODE: Final = Journey.of(JOURNEY_BY_DEFAULT)
NAMES: Final = [name for name, _ in JOURNEY_BY_DEFAULT]
DONE, CURRENT, AHEAD = StepState


@dataclass(frozen=True)
class Happened:
    """The fields of an activity."""

    activity_type: str
    title: str | None = None


def standing_at(*happenings: Happened, over: bool = False) -> str | None:
    """The stage at which the work stands."""
    course = MODE.course(happenings, over=over)
    return course.current.name if course.current else None


@pytest.mark.parametrize(
    ("happened", "stage"),
    [
        (Happened("engagement_started", "Technology audit started"), "Discovery"),
        (Happened("scan_started"), "Scan"),
        (Happened("scan_completed", "Mode scan completed"), "Results"),
        (Happened("report_generated", "Weekly progress report"), "Results"),
        (Happened("phase_started", "Discovery: interviews"), "Discovery"),
        (Happened("phase_started", "Build: pilot in accounts payable"), "Build"),
        (Happened("phase_started", "The build has begun"), "Build"),
        (Happened("phase_completed", "Build is complete"), "Run"),
        (Happened("phase_completed", "Reports"), "Expand"),
        # Of two stages in a title the one that stands first counts.
        (Happened("phase_started", "Build: trial run of the reports"), "Build"),
        (Happened("phase_started", "Run, after a long build"), "Run"),
        # Not a word of its own.
        (Happened("phase_started", "Rebuilding the warehouse"), None),
        (Happened("phase_started", "Running late"), None),
        (Happened("phase_started", "Next phase started"), None),
        (Happened("phase_completed", "Prototype finished"), None),
        (Happened("phase_started"), None),
        (Happened("milestone_reached", "Build"), None),
        (Happened("call", "Discovery"), None),
        (Happened("", "Build"), None),
    ],
)
def test_an_activity_leads_to_the_stage_that_the_table_gives_it(
    happened: Happened, stage: str | None
) -> None:
    assert standing_at(happened) == stage


def test_what_is_behind_is_done_and_what_comes_is_ahead() -> None:
    course = MODE.course([Happened("phase_started", "Build")])
    assert [step.state for step in course.steps] == [DONE] * 3 + [CURRENT] + [AHEAD] * 3
    assert [step.name for step in course.steps] == NAMES
    assert (course.reached, course.is_shown) == (4, True)


def test_an_old_activity_takes_nothing_back() -> None:
    build = Happened("phase_started", "Build")
    late = (Happened("scan_completed", "Follow-up scan"), Happened("engagement_started"))
    assert standing_at(*late, build) == standing_at(build, *late) == "Build"


def test_work_that_is_over_is_done_as_far_as_it_came() -> None:
    course = MODE.course([Happened("scan_completed")], over=True)
    assert [step.state for step in course.steps] == [DONE] * 3 + [AHEAD] * 4
    assert course.current is None
    assert course.is_shown


def test_before_the_first_activity_everything_is_ahead() -> None:
    course = MODE.course([Happened("milestone", "Kick-off")])
    assert {step.state for step in course.steps} == {AHEAD}
    assert (course.reached, course.is_shown) == (0, True)
    # There is no way to show of work that ended before any of it.
    assert not MODE.course([], over=True).is_shown


def test_a_product_without_stages_has_no_journey_to_show() -> None:
    course = Journey.of(()).course([Happened("scan_completed"), Happened("phase_started", "Build")])
    assert course == Course(())
    assert not course.is_shown
    assert str(Journey()) == "none"


def test_an_entry_with_words_goes_before_one_without_and_the_longer_name_before_the_shorter() -> (
    None
):
    journey = Journey.of(
        (
            ("Any", ("phase_started",)),
            ("Run", ("phase_started:Run",)),
            ("Dashboard", ("phase_started:Run dashboard",)),
        )
    )

    def stage(title: str) -> str:
        place = journey.reached_by(Happened("phase_started", title))
        assert place is not None
        return journey.stages[place].name

    assert stage("Something else") == "Any"
    assert stage("First run") == "Run"
    assert stage("RUN DASHBOARD for all") == "Dashboard"


def test_words_of_an_entry_are_text_and_no_pattern() -> None:
    journey = Journey.of((("Odd", ("phase_started:C++ (1.0)",)),))
    assert Sign.read("phase_started:C++ (1.0)") == Sign("phase_started", "C++ (1.0)")
    assert journey.reached_by(Happened("phase_started", "The C++ (1.0) phase")) == 0
    assert journey.reached_by(Happened("phase_started", "The CCC 1x0 phase")) is None


def test_each_work_has_the_course_of_its_own_activities() -> None:
    found = courses(
        MODE,
        {"eng_a": False, "eng_b": True, "eng_c": False},
        [
            ("eng_a", Happened("scan_started")),
            ("eng_b", Happened("scan_completed")),
            (None, Happened("phase_started", "Expand")),
            ("eng_of_others", Happened("phase_started", "Expand")),
        ],
    )
    assert {work: course.reached for work, course in found.items()} == {
        "eng_a": 2,
        "eng_b": 3,
        "eng_c": 0,
    }
    assert found["eng_b"].over


happenings = st.lists(
    st.builds(
        Happened,
        st.sampled_from([*VISIBLE_BY_DEFAULT, "call", "x_y"]),
        st.none()
        | st.text(max_size=12)
        | st.lists(st.sampled_from([*NAMES, "the", "of"]), max_size=4).map(" ".join),
    ),
    max_size=12,
)


@given(happenings, happenings)
@settings(deadline=None)
def test_more_activities_never_take_the_work_back_and_order_does_not_matter(
    some: list[Happened], more: list[Happened]
) -> None:
    before, after = MODE.course(some), MODE.course([*some, *more])
    assert before.reached <= after.reached
    assert MODE.course([*more, *some]) == after
    assert MODE.course(sorted([*some, *more], key=repr)) == after


@given(happenings, st.booleans())
@settings(deadline=None)
def test_steps_are_done_then_current_then_ahead(some: list[Happened], over: bool) -> None:
    course = MODE.course(some, over=over)
    order = [list(StepState).index(step.state) for step in course.steps]
    assert order == sorted(order)
    now = [step for step in course.steps if step.state is CURRENT]
    assert len(now) == (course.reached > 0 and not over)
    assert sum(step.state is not AHEAD for step in course.steps) == course.reached


# The one table: in the code, in the configuration, in the documents


@pytest.mark.parametrize("env", [None, "staging", "production"])
def test_the_file_of_this_repository_has_the_table_that_is_the_default(env: str | None) -> None:
    table = load_config(ROOT / "wrangler-like.toml", env).vars["JOURNEY"]
    assert [(name, tuple(entries)) for name, entries in table.items()] == list(JOURNEY_BY_DEFAULT)


def test_the_documents_have_the_table_that_is_the_default() -> None:
    text = (ROOT / "docs/journey.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\w+) \| (`.+`) \|$", text, re.MULTILINE)
    found = [(name, tuple(re.findall(r"`([^`]+)`", listed))) for name, listed in rows]
    assert found == list(JOURNEY_BY_DEFAULT)


def test_every_type_that_the_default_lists_is_one_that_clients_see() -> None:
    listed = {sign.activity_type for stage in MODE.stages for sign in stage.signs}
    assert listed <= set(VISIBLE_BY_DEFAULT)
