"""Words in pages: looked up once, formatted always, and no value of theirs unescaped."""

from __future__ import annotations

from markupsafe import Markup

from portal.page_words import Gettext, Ngettext


def test_a_text_is_looked_up_once_and_a_value_in_it_escaped_in_pages_alone() -> None:
    asked: list[str] = []

    def translate(text: str) -> str:
        asked.append(text)
        return {"100%% of %(who)s": "<b>100%%</b> de %(who)s"}.get(text, text)

    say = Gettext(translate)
    for _ in range(2):
        assert say(True, "100%% of %(who)s", who="<i>") == "<b>100%</b> de &lt;i&gt;"
        assert say(False, "100%% of %(who)s", who="<i>") == "<b>100%</b> de <i>"
        assert say(True, "All 100%%") == "All 100%"
        assert say(False, "All 100%%") == "All 100%"
    assert asked == ["100%% of %(who)s", "All 100%%"]


def test_a_number_decides_which_text_it_is_and_is_in_it() -> None:
    say = Ngettext(lambda one, more, number: one if number == 1 else more)
    texts = ("%(num)s day", "%(num)s days")
    assert say(True, *texts, 1) == "1 day"
    assert say(True, *texts, 2) == "2 days"
    assert say(True, *texts, 2, num="two") == "two days"
    assert isinstance(say(True, *texts, 2), Markup)
    assert not isinstance(say(False, *texts, 2), Markup)


def test_so_are_other_values_escaped_in_pages_alone() -> None:
    say = Ngettext(lambda one, more, number: one if number == 1 else more)
    texts = ("%(num)s day of %(who)s", "<i>%(num)s</i> days of %(who)s")
    assert say(True, *texts, 2, who="<i>") == "<i>2</i> days of &lt;i&gt;"
    assert say(True, *texts, 1, who=Markup("<i>")) == "1 day of <i>"
    assert say(False, *texts, 1, who="<i>") == "1 day of <i>"
