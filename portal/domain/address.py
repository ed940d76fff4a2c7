"""Reading the e-mail address that a person typed: exactly one, and nothing around it."""

from __future__ import annotations

from portal.errors import BadInput
from portal.words import msgid


def parse_address(typed: str) -> str:
    """The address, normalised (NFC, lower-case domain, IDN domains in Unicode).

    Raises BadInput for anything that is not one plain address: display names, several addresses,
    quoted or commented parts, line breaks, look-alike at signs. Whether it exists is not asked.
    """
    # When first needed: loading it takes 30 ms of a start.
    from email_validator import EmailNotValidError, validate_email

    candidate = typed.strip(" ")
    try:
        return validate_email(
            candidate, check_deliverability=False, test_environment=True
        ).normalized
    except EmailNotValidError as error:
        raise BadInput(msgid("Please enter one e-mail address."), field="email") from error


def masked(email: str) -> str:
    """An address as its owner recognises it and a stranger does not: `j•••@a•••.com`."""
    local, _, domain = email.partition("@")
    host, dot, ending = domain.rpartition(".")
    return f"{local[:1]}•••@{(host or ending)[:1]}•••{dot}{ending if dot else ''}"
