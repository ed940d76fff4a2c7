"""From a JSON body to the values of a record, or a refusal that names the field.

The contract does not show how SM API refuses bad values; 422 with `field`, also for a field that
does not exist, is ours, so that a misspelt field is noticed and not lost.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from portal.sandbox.envelope import Refusal, invalid
from portal.sandbox.fields import Field, Kind, Resource, Writable
from portal.sandbox.store import stamp

LONGEST_TEXT: Final = 1_000
LONGEST_LONG_TEXT: Final = 100_000
LONGEST_LIST: Final = 500
DEEPEST_JSON: Final = 20
LARGEST_NUMBER: Final = 9_000_000_000_000
SMALLEST_STEP: Final = Decimal("0.000001")
LARGEST_INTEGER: Final = 2**53

PRODUCT: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*", re.ASCII)
EMAIL: Final = re.compile(r"[^@\s\x00-\x1f\x7f-\x9f]{1,64}@[^@\s\x00-\x1f\x7f-\x9f]{1,255}")
DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
URL: Final = re.compile(r"https?://[^\s\x00-\x1f\x7f-\x9f]+")


class _Misfit(Exception):
    """Why a value does not fit, said without the field's name."""


def validate(resource: Resource, body: Mapping[str, Any], *, creating: bool) -> dict[str, Any]:
    """The values that `body` sets. Null clears an optional field; a new record has none to clear.

    Raises Refusal (422).
    """
    known = {field.name: field for field in resource.fields}
    for name in body:
        _check_writable(known.get(name), name, creating=creating)
    if creating:
        body = {name: value for name, value in body.items() if value is not None}
        _check_required(resource, body)
    return {name: _value(known[name], value) for name, value in body.items()}


def _check_writable(field: Field | None, name: str, *, creating: bool) -> None:
    if field is None:
        raise invalid(name[:100], "no such field")
    if field.writable is Writable.NEVER:
        raise invalid(name, "is set by the server")
    if field.writable is Writable.ON_CREATE and not creating:
        raise invalid(name, "cannot be changed")


def _check_required(resource: Resource, body: Mapping[str, Any]) -> None:
    for field in resource.fields:
        if field.required and field.name not in body:
            raise invalid(field.name, "is required")
    either = resource.one_of_required
    if either and not set(either) & set(body):
        raise invalid(either[0], f"one of {', '.join(either)} is required")


def _value(field: Field, value: Any) -> Any:
    if value is None:
        if field.nullable:
            return None
        raise invalid(field.name, "must not be null")
    try:
        fitting = READERS[field.kind](field, value)
    except _Misfit as misfit:
        raise invalid(field.name, str(misfit)) from None
    if field.choices and fitting not in field.choices:
        raise invalid(field.name, f"must be one of {', '.join(field.choices)}")
    return fitting


def _text(field: Field, value: Any, longest: int = LONGEST_TEXT) -> str:
    if not isinstance(value, str):
        raise _Misfit("must be a string")
    longest = field.longest or longest
    if len(value) > longest:
        raise _Misfit(f"must have at most {longest} characters")
    if "\x00" in value:
        raise _Misfit("must not contain NUL")
    if field.required and not value.strip():
        raise _Misfit("must not be empty")
    return value


def _long_text(field: Field, value: Any) -> str:
    return _text(field, value, LONGEST_LONG_TEXT)


def _pattern(pattern: re.Pattern[str], wanted: str) -> Callable[[Field, Any], str]:
    def read(field: Field, value: Any) -> str:
        text = _text(field, value)
        if not pattern.fullmatch(text):
            raise _Misfit(f"must be {wanted}")
        return text

    return read


def _integer(field: Field, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise _Misfit("must be a whole number")
    if not -LARGEST_INTEGER <= value <= LARGEST_INTEGER:
        raise _Misfit("is too large")
    if value != int(value):
        raise _Misfit("must be a whole number")
    return int(_bounded(field, value))


def _flag(_field: Field, value: Any) -> int:
    if isinstance(value, bool) or value not in (0, 1):
        raise _Misfit("must be 0 or 1")
    return int(value)


def _number(field: Field, value: Any) -> int | Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise _Misfit("must be a number")
    # Compared, never computed with: a Decimal such as 1e9999999 would overflow the context.
    if not -LARGEST_NUMBER <= value <= LARGEST_NUMBER:
        raise _Misfit("is too large")
    if value != Decimal(value).quantize(SMALLEST_STEP):
        raise _Misfit("must have at most 6 decimals")
    return _bounded(field, value)


def _bounded(field: Field, value: int | Decimal) -> int | Decimal:
    if field.minimum is not None and value < field.minimum:
        raise _Misfit(f"must be at least {field.minimum}")
    if field.maximum is not None and value > field.maximum:
        raise _Misfit(f"must be at most {field.maximum}")
    return value


def _date(field: Field, value: Any) -> str:
    text = _text(field, value)
    wanted = "must be a date such as 2026-05-13"
    if not DATE.fullmatch(text):
        raise _Misfit(wanted)
    try:
        date.fromisoformat(text)
    except ValueError:
        raise _Misfit(wanted) from None
    return text


def _moment(field: Field, value: Any) -> str:
    text = _text(field, value)
    try:
        moment = datetime.fromisoformat(text)
        return stamp(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        raise _Misfit("must be a moment such as 2026-05-13T10:42:00Z") from None


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise _Misfit("must be an array")
    if len(value) > LONGEST_LIST:
        raise _Misfit(f"must have at most {LONGEST_LIST} items")
    return value


def _texts(field: Field, value: Any) -> list[str]:
    return [_text(field, item) for item in _list(value)]


def _products(field: Field, value: Any) -> list[str]:
    return list(dict.fromkeys(READERS[Kind.PRODUCT](field, item) for item in _list(value)))


def _rows(field: Field, value: Any) -> list[dict[str, Any]]:
    return [_row(field, item) for item in _list(value)]


def _row(field: Field, item: Any) -> dict[str, Any]:
    if not isinstance(item, dict):
        raise _Misfit("must be an array of objects")
    columns = {column.name: column for column in field.columns}
    for name in item:
        if name not in columns:
            raise _Misfit(f"a row has no field {name[:100]}")
    for column in field.columns:
        if column.required and item.get(column.name) is None:
            raise _Misfit(f"each row needs {column.name}")
    try:
        return {name: _value(columns[name], value) for name, value in item.items()}
    except Refusal as refusal:
        raise _Misfit(str(refusal)) from None


def _object(_field: Field, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _Misfit("must be an object")
    level: list[Any] = [value]
    for _ in range(DEEPEST_JSON):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return value
    raise _Misfit(f"must be nested at most {DEEPEST_JSON} deep")


def _inside(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


READERS: Final[Mapping[Kind, Callable[[Field, Any], Any]]] = MappingProxyType(
    {
        Kind.TEXT: _text,
        Kind.LONG_TEXT: _long_text,
        Kind.REFERENCE: _text,
        Kind.EMAIL: _pattern(EMAIL, "an e-mail address"),
        Kind.URL: _pattern(URL, "an http(s) address"),
        Kind.PRODUCT: _pattern(PRODUCT, "a product slug such as mode"),
        Kind.INTEGER: _integer,
        Kind.FLAG: _flag,
        Kind.NUMBER: _number,
        Kind.DATE: _date,
        Kind.MOMENT: _moment,
        Kind.TEXTS: _texts,
        Kind.PRODUCTS: _products,
        Kind.ROWS: _rows,
        Kind.OBJECT: _object,
    }
)
"""How each kind is read from JSON; a reader raises _Misfit."""
