"""The pages that faults are tried on, and what an answer to one of them is in a word."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, NamedTuple

import httpx2 as httpx

from tests.faults.clients import marks_in
from tests.faults.rules import ANYTHING, LIST, READS, RECORD, WRITES

AS_OF: Final = "notice--as-of"
AS_OF_HEADER: Final = "x-records-as-of"
UNAVAILABLE: Final = re.compile(r'class="[^"]*\bunavailable\b')
TRACES: Final = ("Traceback", "SMApi", 'File "')

AS_EVER: Final = "as ever"
LAST_GOOD: Final = "as of"
IN_PART: Final = "in part"
SAYS_SO: Final = "says so"
TAKEN: Final = "taken"


class Page(NamedTuple):
    """A page's name in the table, and where it is."""

    name: str
    path: str


PAGES: Final = (
    Page("home", "/"),
    Page("engagements", "/engagements"),
    Page("engagement", "/engagements/{engagement}"),
    Page("invoices", "/invoices"),
    Page("invoice", "/invoices/{invoice}"),
    Page("statement", "/statement"),
    Page("activity", "/activity"),
    Page("team", "/team"),
    Page("account", "/account"),
    Page("search", "/search?q=quartz"),
    Page("invoices.csv", "/invoices.csv"),
    Page("statement.csv", "/statement.csv"),
    Page("statement.pdf", "/statement.pdf"),
    Page("/api/engagements", "/api/engagements"),
    Page("/api/invoices", "/api/invoices"),
    Page("/api/invoices/{id}", "/api/invoices/{invoice}"),
)
QUESTION: Final = "asking about an invoice"
FEEDBACK: Final = "logging feedback"
PROFILE: Final = "changing one's phone number"
MAIL: Final = "asking for a sign-in mail"
STRANGER: Final = "first visit since the portal's start"


class Target(NamedTuple):
    """Which calls to SM API meet the fault."""

    name: str
    path: str
    method: str


EVERYTHING: Final = Target("Every call to SM API", ANYTHING, ANYTHING)
LISTS: Final = Target("Lists only", LIST, READS)
RECORDS: Final = Target("Single records only", RECORD, READS)
BILLS: Final = Target("Invoices only", "/api/invoices(/.*)?", READS)
WRITTEN: Final = Target("Writes only", ANYTHING, WRITES)
TARGETS: Final = (EVERYTHING, LISTS, RECORDS, BILLS, WRITTEN)


@dataclass(frozen=True)
class Answer:
    """What came back for a page, and after how many seconds."""

    page: str
    status: int
    text: str
    is_page: bool
    has_as_of: bool
    seconds: float

    @property
    def marks(self) -> frozenset[str]:
        """Whose words it shows."""
        return marks_in(self.text)

    @property
    def seen(self) -> str:
        """The word of the table for it."""
        if self.status == httpx.codes.SERVICE_UNAVAILABLE:
            return SAYS_SO
        if self.status in (httpx.codes.SEE_OTHER, httpx.codes.CREATED, httpx.codes.ACCEPTED):
            return TAKEN
        if self.status != httpx.codes.OK:
            return str(self.status)
        if self.is_page and UNAVAILABLE.search(self.text):
            return IN_PART
        is_last_good = AS_OF in self.text if self.is_page else self.has_as_of
        return LAST_GOOD if is_last_good else AS_EVER


def answer_of(page: str, answer: httpx.Response, seconds: float) -> Answer:
    """What came back, as it is judged. A PDF's words are not looked at."""
    content_type = answer.headers.get("content-type", "")
    is_text = not content_type.startswith("application/pdf")
    text = answer.text if is_text else ""
    is_page, has_as_of = content_type.startswith("text/html"), AS_OF_HEADER in answer.headers
    return Answer(page, answer.status_code, text, is_page, has_as_of, seconds)
