"""An invoice's check code: whoever holds a copy can ask whether it says what we issued.

A code is a key's id and four tags, one for each field: the number, the amount with its currency,
the due date and the bank details. A tag is the beginning of HMAC-SHA256 (RFC 2104) over the
field, the invoice's number and the field's value, so it serves no other field and no other
invoice. Nothing is kept: with the key, what somebody types is enough to compare.

Letters and digits are Crockford's base 32, which has no I, L, O or U.
"""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final

from babel.numbers import get_currency_precision

from portal.domain.iban import ibans
from portal.errors import BadInput
from portal.words import msgid

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
TAG_SYMBOLS: Final = 5
"""Symbols of a tag: 25 bits."""

PURPOSE: Final = "portal.invoice-check.1"
DERIVED_ID: Final = "0"

_MISREAD: Final = str.maketrans({"O": "0", "I": "1", "L": "1"})


class Field(StrEnum):
    """What a code vouches for, in the order of its tags."""

    NUMBER = "number"
    AMOUNT = "amount"
    DUE = "due"
    BANK = "bank"


CODE_SYMBOLS: Final = 1 + TAG_SYMBOLS * len(Field)


@dataclass(frozen=True)
class Paper:
    """What an invoice says, in the one spelling that is compared."""

    number: str
    amount: str
    due: str
    bank: str

    @classmethod
    def saying(
        cls, number: str, amount: Decimal, currency: str, due: date | None, bank: str
    ) -> Paper:
        """The fields of an invoice, of ours or as typed.

        `bank` is the text that says how to pay, empty when there is none.
        """
        return cls(
            normal_number(number),
            normal_amount(amount, currency),
            due.isoformat() if due else "",
            normal_bank(bank),
        )

    def value(self, of: Field) -> str:
        """The value of one field."""
        return {
            Field.NUMBER: self.number,
            Field.AMOUNT: self.amount,
            Field.DUE: self.due,
            Field.BANK: self.bank,
        }[of]


@dataclass(frozen=True)
class Code:
    """A check code: the id of its key, and a tag for each field."""

    key_id: str
    tags: tuple[str, ...]

    @property
    def compact(self) -> str:
        """Without dashes, as addresses carry it."""
        return self.key_id + "".join(self.tags)

    def __str__(self) -> str:
        """In groups, as it is printed: `K-7QX2M-1A2B3-XXXXX-00000`."""
        return "-".join((self.key_id, *self.tags))


@dataclass(frozen=True)
class CheckKey:
    """A secret that makes and compares codes, and the symbol that codes name it by."""

    id: str
    secret: bytes = field(repr=False)


class Finding(StrEnum):
    """What became of a field. What hangs on another number or code cannot be told."""

    SAME = "same"
    DIFFERS = "differs"
    UNTOLD = "untold"


@dataclass(frozen=True)
class Verdict:
    """How a copy compares with what was issued, field by field."""

    findings: Mapping[Field, Finding]

    @property
    def is_ours(self) -> bool:
        """Whether every field is as it was issued."""
        return all(finding is Finding.SAME for finding in self.findings.values())

    @property
    def differing(self) -> tuple[Field, ...]:
        """The fields that are known to differ."""
        return tuple(f for f, finding in self.findings.items() if finding is Finding.DIFFERS)


@dataclass(frozen=True)
class InvoiceChecks:
    """The codes of one product. The first key makes them; those of the others still count."""

    product: str
    keys: tuple[CheckKey, ...]

    def code(self, paper: Paper) -> Code:
        """The code of an invoice of ours."""
        key = self.keys[0]
        return Code(key.id, tuple(self._tag(key, of, paper) for of in Field))

    def compare(self, code: Code, paper: Paper) -> Verdict:
        """What of a copy is as it was issued under this code.

        All is computed and compared, whatever the code: how long it takes tells nothing, not
        even whether there is such a key.
        """
        key, known = self.keys[0], False
        for one in self.keys:
            if one.id == code.key_id:
                key, known = one, True
        same = {
            of: hmac.compare_digest(self._tag(key, of, paper), tag) & known
            for of, tag in zip(Field, code.tags, strict=True)
        }
        # Every tag is bound to the number: under another one none fits, and none means anything.
        otherwise = Finding.DIFFERS if any(same.values()) else Finding.UNTOLD
        findings = {of: Finding.SAME if same[of] else otherwise for of in Field}
        if not same[Field.NUMBER]:
            findings[Field.NUMBER] = Finding.DIFFERS
        return Verdict(findings)

    def _tag(self, key: CheckKey, of: Field, paper: Paper) -> str:
        parts = (self.product, PURPOSE, of.value, paper.number, paper.value(of))
        digest = hmac.digest(key.secret, b"".join(map(_measured, parts)), hashlib.sha256)
        bits = int.from_bytes(digest[:4], "big") >> 7
        return "".join(ALPHABET[bits >> shift & 31] for shift in range(20, -1, -5))


def derived_key(secret: str) -> CheckKey:
    """The key of a portal that was given none, from the secret that signs its sessions."""
    return CheckKey(
        DERIVED_ID, hmac.digest(secret.encode(), f"{PURPOSE}.key".encode(), hashlib.sha256)
    )


def read_code(typed: str) -> Code:
    """A code as people type it: in any case, with or without blanks and dashes, O for 0.

    Raises BadInput when it cannot be one, whatever the invoice.
    """
    symbols = "".join(c for c in _composed(typed) if not _is_gap(c)).translate(_MISREAD)
    if len(symbols) != CODE_SYMBOLS or not set(symbols) <= set(ALPHABET):
        raise BadInput(
            msgid("A check code has %(count)s letters and digits. Compare it with the invoice."),
            field="code",
            count=CODE_SYMBOLS,
        )
    starts = range(1, CODE_SYMBOLS, TAG_SYMBOLS)
    return Code(symbols[0], tuple(symbols[at : at + TAG_SYMBOLS] for at in starts))


def normal_number(number: str) -> str:
    """An invoice's number in capitals, without blanks, every dash the same."""
    kept = (c for c in _composed(number) if unicodedata.category(c)[0] not in "ZC")
    return _composed("".join("-" if unicodedata.category(c) == "Pd" else c for c in kept))


def normal_amount(amount: Decimal, currency: str) -> str:
    """`EUR 1234.50`: with the currency's decimals, rounded as the documents round."""
    code = currency.strip().upper()
    written = f"{amount:.{get_currency_precision(code)}f}"
    return f"{code} {written if Decimal(written) else written.removeprefix('-')}"


def normal_bank(text: str) -> str:
    """The IBANs in it; without any, all of its letters and digits."""
    return " ".join(ibans(text)) or "".join(filter(str.isalnum, _composed(text)))


def _composed(text: str) -> str:
    """In capitals, and in one spelling of letters that have several (Unicode NFKC)."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).upper())


def _is_gap(character: str) -> bool:
    return unicodedata.category(character) in ("Zs", "Cc", "Cf", "Pd")


def _measured(part: str) -> bytes:
    """With its length before it, so that nothing can move from one part into the next."""
    encoded = part.encode("utf-8", "surrogatepass")
    return len(encoded).to_bytes(4, "big") + encoded
