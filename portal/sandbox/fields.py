"""The words in which a resource is described: field kinds, filters, ownership by product."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from enum import StrEnum
from typing import Any, Final


class Kind(StrEnum):
    """What a field holds, in JSON and in the database."""

    TEXT = "text"
    LONG_TEXT = "long_text"
    EMAIL = "email"
    URL = "url"
    PRODUCT = "product"
    INTEGER = "integer"
    FLAG = "flag"
    NUMBER = "number"
    DATE = "date"
    MOMENT = "moment"
    REFERENCE = "reference"
    PRODUCTS = "products"
    TEXTS = "texts"
    ROWS = "rows"
    OBJECT = "object"


JSON_KINDS: Final = frozenset({Kind.PRODUCTS, Kind.TEXTS, Kind.ROWS, Kind.OBJECT})


class Writable(StrEnum):
    """When a caller may set a field."""

    ALWAYS = "always"
    ON_CREATE = "on_create"
    NEVER = "never"


class Operation(StrEnum):
    """What can be done with a resource over HTTP."""

    LIST = "list"
    READ = "read"
    CREATE = "create"
    CHANGE = "change"


@dataclass(frozen=True)
class Field:
    """One field of a record.

    `internal`: no client may ever see it. `refers_to`: the resource whose id it holds.
    `columns`: the fields of each row of a ROWS field. `minimum` and `maximum` bound numbers,
    `longest` a text's characters where it is less than its kind allows.
    """

    name: str
    kind: Kind = Kind.TEXT
    required: bool = False
    default: Any = None
    internal: bool = False
    choices: tuple[str, ...] = ()
    writable: Writable = Writable.ALWAYS
    refers_to: str | None = None
    columns: tuple[Field, ...] = ()
    minimum: int | None = None
    maximum: int | None = None
    longest: int | None = None

    @property
    def nullable(self) -> bool:
        """Whether null is a value of this field."""
        return not self.required and self.default is None


class Match(StrEnum):
    """How a filter compares."""

    EXACT = "exact"
    PRODUCT = "product"
    SEARCH = "search"


@dataclass(frozen=True)
class Filter:
    """A query parameter of a list. `field` is what it compares, by default its namesake."""

    parameter: str
    field: str = ""
    match: Match = Match.EXACT

    @property
    def compares(self) -> str:
        """The name of the field that is compared."""
        return self.field or self.parameter


@dataclass(frozen=True)
class JoinedName:
    """A field of the answer that is looked up: the first of `shows` that the record has."""

    name: str
    via: str
    shows: tuple[str, ...]


@dataclass(frozen=True)
class ProductRule:
    """How a record's product is known: `field`, else (when it is empty) its engagement's.

    `many`: the field is a list, and the record belongs to each product in it.
    """

    field: str = "product"
    many: bool = False
    else_engagement: bool = False


def unchanged(changes: dict[str, Any], _existing: Mapping[str, Any] | None) -> dict[str, Any]:
    """The completion of a resource whose fields do not depend on each other."""
    return changes


@dataclass(frozen=True)
class Resource:
    """One kind of CRM record: its routes, its table and its rules all follow from this.

    `paged`: lists come as `{items,total,page,limit,hasMore}`, else as an array (sm-api §1).
    `order` names fields, `-` for descending; the id breaks ties in the same direction.
    `searched`: the fields that `search` looks into. `created`: the fields of the 201 answer, all
    when empty. `complete` fills in what follows from other fields. `operations` are all that it
    has; with `own_routes` they stand in a module of their own, because they do more than store.
    """

    name: str
    singular: str
    prefix: str
    fields: tuple[Field, ...]
    filters: tuple[Filter, ...] = ()
    paged: bool = False
    default_limit: int = 50
    most_limit: int = 5000
    order: str = "-created_at"
    sorts: Mapping[str, str] = dataclass_field(default_factory=dict)
    searched: tuple[str, ...] = ()
    names: tuple[JoinedName, ...] = ()
    product: ProductRule = ProductRule()
    created: tuple[str, ...] = ()
    one_of_required: tuple[str, ...] = ()
    indexes: tuple[tuple[str, ...], ...] = ()
    internal: bool = False
    operations: frozenset[Operation] = frozenset(Operation)
    own_routes: bool = False
    complete: Callable[[dict[str, Any], Mapping[str, Any] | None], dict[str, Any]] = unchanged

    def field(self, name: str) -> Field:
        """The field of that name. Raises KeyError."""
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(name)
