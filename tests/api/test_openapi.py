"""The document of `/api` and the portal say the same: routes, fields, filters, answers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.config import (
    ChecksConfig,
    GenerationConfig,
    ProjectConfig,
    ProjectsConfig,
    SchemathesisConfig,
)
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from portal.api.envelope import ARRAY, PAGED
from portal.api.openapi import PROJECTIONS, Audience, document, projections
from portal.api.reads import COLLECTIONS
from portal.api.writes import DEEPEST_METADATA, LONGEST_TEXT, LONGEST_TITLE
from portal.crm.staff_access import BELONGS
from portal.routes import API
from tests.api.test_reads import data, items, staff
from tests.stage import FETCH, ORIGIN, Stage, settings_for, stage

CLIENT: Final = document(ORIGIN, Audience("mode", settings_for().client_activities))
STAFF: Final = document(ORIGIN, Audience("mode", (), is_staff=True))
OPERATIONS: Final = [
    (who, method, path)
    for who, whole in (("jane", CLIENT), ("ava", STAFF))
    for path, item in whole["paths"].items()
    for method in item
]
WITHOUT_PARAMETERS: Final = (("get", "/api/openapi.json"), ("get", "/api/profile"))
EXAMPLES: Final = {"jane": 6, "ava": 3}
REFUSED: Final = ["403", "404", "413", "415", "422"]
ACCEPTED: Final = ["200", "201", "403", "404", "422"]
"""What a fitting request may get: what may be written besides is for the CRM to say."""


@dataclass(frozen=True)
class Signed:
    """The document as the portal gives it to one person, and what that person's browser sends."""

    contract: Any
    headers: dict[str, str]


def nested(levels: int) -> Any:
    """An object with this many levels."""
    value: dict[str, Any] = {}
    for _ in range(levels - 1):
        value = {"in": value}
    return value


def served_by(on: Stage) -> Any:
    """The portal without its lifespan: the stage opens and closes what that would."""

    async def without_lifespan(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        await on.app(scope, receive, send)

    return without_lifespan


async def ids_of(browser: Any, whole: dict[str, Any]) -> dict[str, list[str]]:
    """Two ids of each collection that this person may read, and one of nobody's."""
    names = [
        path.removeprefix("/api/") for path in whole["paths"] if path + "/{id}" in whole["paths"]
    ]
    return {
        name: [*(r["id"] for r in items(await data(browser, f"/api/{name}"))[:2]), "co_nobody"]
        for name in names
    }


def narrowed(whole: dict[str, Any], ids: dict[str, list[str]]) -> dict[str, Any]:
    """The document in which an id is one that exists, so that reads and writes can succeed."""
    for path, item in whole["paths"].items():
        name = path.removeprefix("/api/").removesuffix("/{id}")
        for operation in item.values() if path.endswith("/{id}") else ():
            [record_id] = operation["parameters"]
            record_id["schema"] = {"type": "string", "enum": ids[name]}
    return whole


async def contract_of(on: Stage, browser: Any) -> Signed:
    """What one browser is given, made ready to be tried."""
    answer = await browser.get("/api/openapi.json")
    assert answer.status_code == 200, answer.text
    whole = answer.json()
    found = schemathesis.openapi.from_dict(
        narrowed(whole, await ids_of(browser, whole)),
        config=SchemathesisConfig(seed=1, projects=ProjectsConfig(default=project())),
    )
    found.app = served_by(on)
    cookie = browser.headers.get("Cookie") or "; ".join(
        f"{name}={value}" for name, value in browser.cookies.items()
    )
    return Signed(found, {**FETCH, "Cookie": cookie, "Host": ORIGIN.partition("//")[2]})


def project() -> ProjectConfig:
    """The statuses that count as accepting and as refusing."""
    checks = ChecksConfig.from_dict(
        {
            "negative_data_rejection": {"expected-statuses": REFUSED},
            "positive_data_acceptance": {"expected-statuses": ACCEPTED},
            # Who is signed in is the cookie that these tests send themselves.
            "ignored_auth": {"enabled": False},
        }
    )
    generation = GenerationConfig(allow_x00=False, with_security_parameters=False)
    return ProjectConfig(generation=generation, checks=checks)


@pytest.fixture(scope="module")
def signed() -> Iterator[dict[str, Signed]]:
    """Jane, an administrator at a client, and Ava, staff: at one portal with the demo's records."""
    with asyncio.Runner() as runner:
        opened = stage()
        on = runner.run(opened.__aenter__())
        jane = runner.run(on.signed_in("jane@acme.com"))
        ava = runner.run(staff(on))
        yield {
            "jane": runner.run(contract_of(on, jane)),
            "ava": runner.run(contract_of(on, ava)),
        }
        runner.run(opened.__aexit__(None, None, None))


@pytest.mark.parametrize("mode", tuple(schemathesis.GenerationMode))
@pytest.mark.parametrize(("who", "method", "path"), OPERATIONS)
def test_whatever_is_sent_the_answer_is_as_documented(
    signed: dict[str, Signed],
    who: str,
    method: str,
    path: str,
    mode: schemathesis.GenerationMode,
) -> None:
    if mode is schemathesis.GenerationMode.NEGATIVE and (method, path) in WITHOUT_PARAMETERS:
        return
    person = signed[who]

    @given(case=person.contract[path][method].as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES[who],
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    def answers_as_documented(case: Any) -> None:
        answer = case.call_and_validate(headers=person.headers)
        assert answer.status_code < 500
        if mode is schemathesis.GenerationMode.POSITIVE and (who, method) == ("jane", "get"):
            assert answer.status_code in (200, 404)

    answers_as_documented()


def test_every_route_is_in_the_document_and_the_other_way_round() -> None:
    for whole, names in ((CLIENT, COLLECTIONS), (STAFF, BELONGS)):
        served = {
            (method.lower(), "/api" + route.path.replace("{collection}", name))
            for route in API
            if isinstance(route, Route)
            for method in (route.methods or set()) - {"HEAD"}
            for name in names
        }
        told = {(method, path) for path, item in whole["paths"].items() for method in item}
        assert served == told


def test_a_client_is_told_of_the_projected_fields_and_no_others() -> None:
    schemas = projections()
    assert set(PROJECTIONS) == set(COLLECTIONS)
    for kind in PROJECTIONS.values():
        schema = schemas[kind.__name__]
        assert tuple(schema["properties"]) == kind.__struct_fields__
        assert tuple(schema["required"]) == kind.__struct_fields__
        assert schema["additionalProperties"] is False
    assert schemas["Invoice"]["properties"]["amount"] == {"type": "number"}
    assert "deals" not in str(CLIENT)


@pytest.mark.parametrize("collection", COLLECTIONS.values(), ids=lambda c: c.name)
def test_every_filter_and_limit_is_in_the_document(collection: Any) -> None:
    told = CLIENT["paths"][f"/api/{collection.name}"]["get"]["parameters"]
    given = {parameter["name"]: parameter["schema"] for parameter in told}
    paging = {"limit", "page"} if collection.shape is PAGED else {"limit"}
    assert set(given) - set(collection.filters) - {"product"} == paging
    assert set(collection.filters) <= set(given)
    assert given["limit"]["default"] == collection.shape.default_limit
    assert collection.shape in (PAGED, ARRAY)


async def test_the_document_is_for_those_signed_in_and_names_this_portal() -> None:
    async with stage() as on:
        assert (await on.browser().get("/api/openapi.json")).status_code == 401
        jane = await on.signed_in("jane@acme.com")
        assert (await jane.get("/api/openapi.json")).json() == CLIENT
        ava = await staff(on)
        assert (await ava.get("/api/openapi.json")).json()["paths"].keys() == STAFF["paths"].keys()


@pytest.mark.parametrize(
    ("field", "fits", "too_much"),
    [
        ("title", "x" * LONGEST_TITLE, "x" * (LONGEST_TITLE + 1)),
        ("title", "a", "a\0b"),
        ("description", "x" * LONGEST_TEXT, "x" * (LONGEST_TEXT + 1)),
        ("description", "a", "a\0b"),
        ("metadata", nested(DEEPEST_METADATA), nested(DEEPEST_METADATA + 1)),
    ],
)
async def test_an_activity_is_accepted_only_if_the_crm_will_take_it(
    field: str, fits: Any, too_much: Any
) -> None:
    async with stage() as on:
        jane = await on.signed_in("jane@acme.com")
        for value, status in ((fits, 201), (too_much, 422)):
            body = {"activity_type": "report_viewed", field: value}
            answer = await jane.post("/api/activities", json=body)
            assert answer.status_code == status, answer.text
        assert answer.json()["field"] == field
        assert await on.activities("report_viewed")
        assert (await on.env.outbox.depth()).dead == 0


async def test_a_changed_profile_is_answered_as_it_now_is() -> None:
    async with stage() as on:
        jane = await on.signed_in("jane@acme.com")
        answer = await jane.patch("/api/profile", json={"title": "Chief of Staff"})
        assert answer.json()["profile"]["title"] == "Chief of Staff"
        assert answer.json() == (await jane.get("/api/profile")).json()
