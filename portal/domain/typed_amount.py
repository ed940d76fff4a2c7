"""An amount and its currency as somebody types them from paper: read in one way or refused.

`1.234,56`, `1,234.56`, `1 234.56`, `€ 1'234.56` and `1234.56 EUR` are all read. `1.234` is not:
who wrote it may have meant a thousand, and nobody can tell from here.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from typing import Final

from babel.numbers import get_currency_precision

from portal.errors import BadInput
from portal.words import msgid

AMOUNT: Final = "amount"
CURRENCY: Final = "currency"

SIGNS: Final = {
    "$": "USD CAD AUD NZD HKD TWD SGD MXN ARS CLP COP",
    "US$": "USD",
    "CA$": "CAD",
    "C$": "CAD",
    "AU$": "AUD",
    "A$": "AUD",
    "NZ$": "NZD",
    "HK$": "HKD",
    "NT$": "TWD",
    "SG$": "SGD",
    "S$": "SGD",
    "MX$": "MXN",
    "BR$": "BRL",
    "R$": "BRL",
    "€": "EUR",
    "£": "GBP",
    "GB£": "GBP",
    "UK£": "GBP",
    "¥": "JPY CNY",
    "JP¥": "JPY",
    "CN¥": "CNY",
    "元": "JPY CNY",
    "円": "JPY",
    "₩": "KRW",
    "₹": "INR",
    "RS": "INR",
    "₪": "ILS",
    "NIS": "ILS",
    "₫": "VND",
    "₴": "UAH",
    "₺": "TRY",
    "ZŁ": "PLN",
    "KČ": "CZK",
    "FT": "HUF",
    "FR": "CHF",
    "R": "ZAR",
    "KR": "DKK NOK SEK ISK",
    "DKR": "DKK",
    "NKR": "NOK",
}
"""What stands for a currency besides its code, letters first; some stand for several."""

_SHAPE: Final = re.compile(
    r"(?P<before>[^0-9]*)(?P<digits>[0-9](?:[0-9.,' ]*[0-9])?)(?P<after>\D*)"
)
_GROUPED: Final = re.compile(r"[0-9]{1,3}(?:[.,' ][0-9]{2,3})*[.,' ][0-9]{3}|[0-9]+")
_MINUS: Final = {ord(one): "-" for one in "\u2010\u2011\u2012\u2013\u2212"}
_OTHERS: Final = {0x66B: ".", 0x66C: ",", 0x2019: "'", 0x2BC: "'"}
LONGEST: Final = 60

_UNREADABLE: Final = msgid("Type the total as it stands on the invoice, such as 1,234.56.")
_TWO_WAYS: Final = msgid(
    "This can be read in two ways. Type the total with its cents, such as 1234.00."
)
_DECIMALS: Final = msgid("These are more decimals than %(currency)s has.")
_WHICH: Final = msgid("Choose the currency, or type its three letters beside the total.")
_CONTRARY: Final = msgid("The currency beside the total is another than the one chosen.")


def read_amount(typed: str, chosen: str = "") -> tuple[Decimal, str]:
    """The amount and the ISO 4217 code of its currency.

    `chosen` is the code that was picked, or nothing when the amount itself says it. Raises
    BadInput, which names the field, for what is no amount, what can be read in two ways, a
    currency that nothing names for certain, and one that is named twice and differently.
    """
    found = _SHAPE.fullmatch(_plain(typed)) if len(typed) <= LONGEST else None
    if found is None:
        raise BadInput(_UNREADABLE, field=AMOUNT)
    signs = re.findall("[-+]", found["before"] + found["after"])
    if len(signs) > 1:
        raise BadInput(_UNREADABLE, field=AMOUNT)
    currency = _currency(found["before"], found["after"], chosen.strip().upper())
    amount = _amount(found["digits"], currency)
    return (-amount if signs == ["-"] else amount), currency


def _plain(typed: str) -> str:
    """In one spelling of digits, blanks, dashes and apostrophes."""
    composed = unicodedata.normalize("NFKC", typed).translate(_MINUS | _OTHERS)
    seen = (c for c in composed if unicodedata.category(c) != "Cf")
    digits = (str(unicodedata.digit(c)) if c.isdecimal() else c for c in seen)
    return re.sub(r"\s+", " ", "".join(digits)).strip()


def _currency(before: str, after: str, chosen: str) -> str:
    named = [_named(mark) for mark in (before, after) if mark.strip(" +-")]
    if chosen:
        named.append(_named(chosen))
    if not named:
        raise BadInput(_WHICH, field=CURRENCY)
    common = frozenset.intersection(*named)
    if not common:
        raise BadInput(_CONTRARY, field=CURRENCY)
    if len(common) > 1:
        raise BadInput(_WHICH, field=CURRENCY)
    return next(iter(common))


def _named(mark: str) -> frozenset[str]:
    """The currencies that a sign or a code can stand for."""
    bare = re.sub("[ +.-]", "", mark).upper()
    # French writes `$ US` where English writes `US$`.
    letters_first = re.sub(r"^([^\w\s])([A-Z]{2})$", r"\2\1", bare)
    if letters_first in SIGNS:
        return frozenset(SIGNS[letters_first].split())
    if not re.fullmatch("[A-Z]{3}", bare):
        raise BadInput(_UNREADABLE, field=AMOUNT)
    return frozenset({bare})


def _amount(digits: str, currency: str) -> Decimal:
    decimals = get_currency_precision(currency)
    marks = re.findall("[.,]", digits)
    if _is_grouped(digits, marks, decimals):
        return _whole(digits)
    head, mark, tail = digits.rpartition(marks[-1])
    if mark in head:
        raise BadInput(_UNREADABLE, field=AMOUNT)
    if len(tail) == 3 and len(marks) == 1 and re.fullmatch("[1-9][0-9]{0,2}", head):
        raise BadInput(_TWO_WAYS, field=AMOUNT)
    if not re.fullmatch("[0-9]+", tail):
        raise BadInput(_UNREADABLE, field=AMOUNT)
    if len(tail) > decimals:
        raise BadInput(_DECIMALS, field=AMOUNT, currency=currency)
    return _whole(head) + Decimal(f"0.{tail}")


def _is_grouped(digits: str, marks: list[str], decimals: int) -> bool:
    """Whether no mark in it can be a decimal one."""
    if not marks:
        return True
    if len(set(marks)) == 1 and len(marks) > 1:
        return True
    thousands = re.fullmatch(r"[1-9][0-9]{0,2}[.,][0-9]{3}", digits)
    return decimals == 0 and thousands is not None


def _whole(digits: str) -> Decimal:
    """Digits with at most one kind of mark between their groups."""
    if len(set(re.findall("[.,' ]", digits))) > 1 or not _GROUPED.fullmatch(digits):
        raise BadInput(_UNREADABLE, field=AMOUNT)
    return Decimal(re.sub("[.,' ]", "", digits))
