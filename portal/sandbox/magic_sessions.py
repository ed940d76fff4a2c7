"""Magic sessions: sign-in links that wait to be used, once (the guide names them, no more; ours).

Only hashes arrive. Those of token and code never leave again; the browser's comes back to whoever
knows the token, to tell whether the link was opened where it was asked for.

`POST /api/magic_sessions` `{contact_id, product, token_hash, code_hash, browser_hash, redirect?,
expires_in}` -> 201 `{id, expires_at}`; older live links of the address and product are superseded.
`GET /api/magic_sessions?token_hash=&product=` -> an array of none or one.
`POST /api/magic_sessions/redeem` `{product, token_hash}` or `{product, browser_hash, code_hash}`
-> who it was for, exactly once; else 404, or 403/410 with `reason` and, for codes, `tries_left`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, case, insert, select, update
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from portal.sandbox.api import store_of, write_once
from portal.sandbox.callers import Caller, Callers
from portal.sandbox.envelope import Answer, Refusal, invalid, read_response
from portal.sandbox.fields import Field, Kind, Resource
from portal.sandbox.query import find_record
from portal.sandbox.resources import CONTACTS
from portal.sandbox.schema import MAGIC_SESSIONS, folded
from portal.sandbox.scope import Scope
from portal.sandbox.store import Store, new_id, stamp
from portal.sandbox.validation import validate

MOST_TRIES: Final = 5
HASH: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
HASHES: Final = ("token_hash", "code_hash", "browser_hash")
SHOWN: Final = (
    "id",
    "contact_id",
    "email",
    "product",
    "browser_hash",
    "redirect",
    "created_at",
    "expires_at",
)

_C: Final = MAGIC_SESSIONS.c

NEW: Final = Resource(
    name="magic_sessions",
    singular="magic session",
    prefix="ms",
    fields=(
        Field("contact_id", Kind.REFERENCE, required=True, refers_to="contacts"),
        Field("product", Kind.PRODUCT, required=True),
        *(Field(name, required=True) for name in HASHES),
        Field("redirect", Kind.LONG_TEXT),
        Field("expires_in", Kind.INTEGER, required=True, minimum=1, maximum=3600),
    ),
)
PROOF: Final = Resource(
    name="redeem",
    singular="proof",
    prefix="",
    fields=(Field("product", Kind.PRODUCT, required=True), *(Field(name) for name in HASHES)),
)


def routes() -> list[BaseRoute]:
    """The three routes, for service tokens and API keys only."""
    path = "/api/magic_sessions"
    return [
        Route(f"{path}/redeem", redeem, methods=["POST"]),
        Route(path, collection, methods=["GET", "POST"]),
    ]


async def collection(request: Request) -> Response:
    """Create a magic session, or find one by its token's hash."""
    caller = _machine(request)
    store = store_of(request)
    if request.method == "POST":
        return await write_once(
            request, caller, lambda connection, body: _create(connection, store, caller, body)
        )
    asked = request.query_params
    token_hash, product = asked.get("token_hash", ""), asked.get("product", "")
    _check_hashes({"token_hash": token_hash})
    if not product:
        raise invalid("product", "is required")
    _check_product(caller.scope, product)
    with store.reading() as connection:
        row = connection.execute(
            select(MAGIC_SESSIONS).where(_C.token_hash == token_hash, _C.product == product)
        ).first()
    return read_response(request, [_shown(row, store.now())] if row else [])


async def redeem(request: Request) -> Response:
    """Use a magic session up."""
    caller = _machine(request)
    store = store_of(request)
    return await write_once(
        request, caller, lambda connection, body: _redeem(connection, store, caller, body)
    )


def _machine(request: Request) -> Caller:
    callers: Callers = request.app.state.callers
    return callers.machine(request)


def _create(
    connection: Connection, store: Store, caller: Caller, body: Mapping[str, Any]
) -> Answer:
    values = validate(NEW, body, creating=True)
    _check_hashes(values)
    _check_product(caller.scope, values["product"])
    contact = find_record(connection, CONTACTS, caller.scope, values["contact_id"])
    if contact is None:
        raise invalid("contact_id", "there is no such contact")
    if contact["email"] is None:
        raise invalid("contact_id", "this contact has no email")
    if connection.execute(select(_C.id).where(_C.token_hash == values["token_hash"])).first():
        raise Refusal(409, "This token is taken", field="token_hash")
    now, address = store.clock(), folded(contact["email"])
    expires_at = stamp(now + timedelta(seconds=values.pop("expires_in")))
    _supersede(connection, _C.address == address, _C.product == values["product"])
    row = {
        "id": new_id(NEW.prefix),
        "redirect": None,
        **values,
        "email": contact["email"],
        "address": address,
        "status": "live",
        "tries": 0,
        "created_at": stamp(now),
        "expires_at": expires_at,
    }
    connection.execute(insert(MAGIC_SESSIONS).values(row))
    return Answer.success({"id": row["id"], "expires_at": expires_at}, 201)


def _redeem(
    connection: Connection, store: Store, caller: Caller, body: Mapping[str, Any]
) -> Answer:
    proof = validate(PROOF, body, creating=True)
    _check_hashes(proof)
    _check_product(caller.scope, proof["product"])
    if {"token_hash"} == set(proof) - {"product"}:
        session = _use_token(connection, proof, store.now())
    elif {"browser_hash", "code_hash"} == set(proof) - {"product"}:
        session = _use_code(connection, proof, store.now())
    else:
        raise invalid("token_hash", "send token_hash, or browser_hash and code_hash")
    if isinstance(session, Answer):
        return session
    bound = () if caller.product is None else (_C.product == caller.product,)
    _supersede(connection, _C.address == session.address, *bound)
    names = ("id", "contact_id", "email", "redirect")
    return Answer.success({name: getattr(session, name) for name in names})


def _use_token(connection: Connection, proof: Mapping[str, Any], now: str) -> Row[Any] | Answer:
    """One statement decides who was first: only it turns `live` into `redeemed`."""
    of_link = (_C.token_hash == proof["token_hash"], _C.product == proof["product"])
    used = connection.execute(
        update(MAGIC_SESSIONS)
        .where(*of_link, _C.status == "live", _C.expires_at > now)
        .values(status="redeemed", redeemed_at=now)
        .returning(MAGIC_SESSIONS)
    ).first()
    if used is not None:
        return used
    return _refusal(connection.execute(select(MAGIC_SESSIONS).where(*of_link)).first(), now)


def _use_code(connection: Connection, proof: Mapping[str, Any], now: str) -> Row[Any] | Answer:
    """The link that this browser asked for last; again one statement decides, and counts."""
    latest = (
        select(_C.id)
        .where(_C.browser_hash == proof["browser_hash"], _C.product == proof["product"])
        .order_by(_C.created_at.desc(), _C.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    right = _C.code_hash == proof["code_hash"]
    tried = connection.execute(
        update(MAGIC_SESSIONS)
        .where(_C.id == latest, _C.status == "live", _C.expires_at > now)
        .values(
            status=case(
                (right, "redeemed"), (_C.tries + 1 >= MOST_TRIES, "exhausted"), else_="live"
            ),
            tries=case((right, _C.tries), else_=_C.tries + 1),
            redeemed_at=case((right, now), else_=None),
        )
        .returning(MAGIC_SESSIONS)
    ).first()
    if tried is None:
        found = connection.execute(select(MAGIC_SESSIONS).where(_C.id == latest)).first()
        return _refusal(found, now)
    return tried if tried.status == "redeemed" else _refusal(tried, now)


def _refusal(session: Row[Any] | None, now: str) -> Answer:
    if session is None:
        return Answer.refusal(Refusal(404, "Not found"))
    status = _status(session, now)
    if status != "live":
        extra = {"tries_left": 0} if status == "exhausted" else {}
        return Answer.refusal(
            Refusal(410, "This link cannot be used any more", reason=status, extra=extra)
        )
    left = {"tries_left": MOST_TRIES - session.tries}
    return Answer.refusal(Refusal(403, "Wrong code", reason="wrong_code", extra=left))


def _supersede(connection: Connection, *of: ColumnElement[bool]) -> None:
    live = _C.status == "live"
    connection.execute(update(MAGIC_SESSIONS).where(*of, live).values(status="superseded"))


def _status(session: Row[Any], now: str) -> str:
    expired = session.status == "live" and session.expires_at <= now
    return "expired" if expired else str(session.status)


def _shown(session: Row[Any], now: str) -> dict[str, Any]:
    return {
        **{name: getattr(session, name) for name in SHOWN},
        "status": _status(session, now),
    }


def _check_hashes(values: Mapping[str, Any]) -> None:
    for name in HASHES:
        if name in values and not HASH.fullmatch(values[name]):
            raise invalid(name, "must be 64 lower-case hexadecimal digits")


def _check_product(scope: Scope, product: str) -> None:
    if scope.product not in (None, product):
        raise invalid("product", f"this key is for {scope.product} only")
