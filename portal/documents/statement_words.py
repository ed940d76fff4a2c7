"""What a statement says in words, the same on the page and on paper."""

from __future__ import annotations

from portal.documents.wording import Wording
from portal.domain.statement import Account, Ageing, Entry, EntryKind, Note


def entry_words(entry: Entry, wording: Wording) -> str:
    """What moved: `Invoice`, `Payment of INV-2026-001`."""
    _, number = wording.gettext, entry.number or wording.gettext("an invoice without a number")
    match entry.kind:
        case EntryKind.INVOICE:
            return _("Invoice %(number)s", number=entry.number) if entry.number else _("Invoice")
        case EntryKind.CREDIT:
            return _("Credit %(number)s", number=entry.number) if entry.number else _("Credit")
        case EntryKind.PAYMENT:
            return _("Payment of %(number)s", number=number)
        case EntryKind.CREDIT_USED:
            return _("Credit used or paid out, %(number)s", number=number)
        case EntryKind.REFUND:
            return _("Paid back, %(number)s", number=number)
        case EntryKind.SETTLED:
            return _("Settled without payment, %(number)s", number=number)


def entry_note(entry: Entry, currency: str, wording: Wording) -> str:
    """What has to be known besides; empty for nothing."""
    _, said = wording.gettext, []
    if entry.note is Note.DAY_UNKNOWN:
        said.append(_("Day of payment not recorded: shown on the day of the invoice."))
    if entry.note is Note.DATED_AHEAD:
        said.append(_("Dated %(day)s: counted as of today.", day=wording.day(entry.dated)))
    if entry.excess:
        above = wording.money(entry.excess, currency)
        said.append(_("%(amount)s more was paid than billed; it is not counted.", amount=above))
    return " ".join(said)


def undated_note(account: Account, wording: Wording) -> str:
    """Which invoices the opening balance holds because they have no day of issue."""
    if not account.undated:
        return ""
    names = "; ".join(
        f"{entry_words(one, wording)}: {wording.money(one.amount, account.currency)}"
        for one in account.undated
    )
    return wording.gettext(
        "Counted in the opening balance, because they have no day of issue: %(names)s.",
        names=names,
    )


def balance_words(account: Account, wording: Wording) -> str:
    """What the closing balance means for the reader."""
    if account.closing < 0:
        return wording.gettext("in your favour")
    return wording.gettext("to be paid") if account.closing else wording.gettext("nothing to pay")


def age_rows(ageing: Ageing, currency: str, wording: Wording) -> list[tuple[str, str]]:
    """The ageing as heads and amounts; what is past due, with the days on which it counts."""
    _ = wording.gettext
    ages = [
        (_("Current"), ageing.current),
        (_("1 to 30 days late"), ageing.days_1_30),
        (_("31 to 60 days late"), ageing.days_31_60),
        (_("61 to 90 days late"), ageing.days_61_90),
        (_("More than 90 days late"), ageing.over_90),
        (_("Outstanding"), ageing.outstanding),
    ]
    return [(words, wording.money(amount, currency)) for words, amount in ages]


def credit_note(account: Account, wording: Wording) -> str:
    """How credits that are not used yet stand beside the ageing; empty when there are none."""
    if not account.ageing.credit:
        return ""
    return wording.gettext(
        "Credit not used yet: %(credit)s. It is in the closing balance, not in the ages: "
        "%(outstanding)s outstanding less this credit is %(closing)s.",
        credit=wording.money(account.ageing.credit, account.currency),
        outstanding=wording.money(account.ageing.outstanding, account.currency),
        closing=wording.money(account.closing, account.currency),
    )
