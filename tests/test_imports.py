"""No layer looks upward: the imports of `portal/`, read from its source, against one table."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

PORTAL: Final = Path(__file__).parent.parent / "portal"

LAYERS: Final = (
    "errors words format raw_headers speculation later gathered_lines whole_answers edge sandbox",
    "conditional compression compiled_templates template_trees page_words",
    "inlining page_code",
    "page_environment",
    "domain variables settings security observe submitted mail language metrics "
    "tracing spans server_timing",
    "crm",
    "activity templating",
    "kept_pages",
    "env auth",
    "api documents live notices packs pages staff health scrape security_txt accent assets "
    "error_page",
    "page_memo",
    "hot_pages",
    "middleware routes",
    "app",
    "asgi",
    "cli",
    "__main__",
)
"""The units of the portal, lowest first. Each may import its own layer and those below it."""


@dataclass(frozen=True)
class Rule:
    """What modules under `of` must never import, save for those under `but`."""

    of: str
    never: str
    but: str = ""
    save_in: str = ""


RULES: Final = (
    # The platform and the stand-in are programs of their own.
    Rule("portal.edge", never="portal", but="portal.edge"),
    Rule("portal.sandbox", never="portal", but="portal.sandbox"),
    # They meet over HTTP only; production does not even carry the sandbox.
    Rule("portal", never="portal.sandbox", save_in="portal.sandbox portal.cli"),
    Rule("portal.crm", never="portal.sandbox"),
    # The rules of the business know neither where records come from nor how pages are made.
    Rule("portal.domain", never="portal", but="portal.domain portal.errors portal.words"),
    Rule("portal.domain", never="starlette httpx2 httpx structlog jinja2 msgspec sqlite3 asyncio"),
    # Pages ask the viewer's access object, and cannot ask for another client's data.
    Rule("portal.pages", never="portal.crm.client portal.crm.contacts portal.edge"),
    Rule("portal.documents", never="portal.crm.client portal.crm.contacts portal.edge"),
    # The environment holds SM API's client; the account page needs its store, to end sessions.
    Rule(
        "portal.pages",
        never="portal.env",
        save_in="portal.pages.account portal.pages.profile portal.pages.team "
        "portal.pages.questions "
        "portal.pages.access_review portal.pages.calendar portal.pages.last_visit "
        "portal.pages.verify",
    ),
    Rule("portal.documents", never="portal.env"),
    Rule("portal.staff", never="portal.crm.client"),
    Rule("portal.packs", never="portal.crm.client portal.crm.contacts"),
    Rule("portal.notices", never="portal.crm.client portal.crm.contacts"),
    Rule("portal.api", never="portal.crm.client"),
    Rule("portal.live", never="portal.crm.client portal.crm.contacts portal.edge"),
    # One way to SM API. What speaks to Google, and what opens its client, is not on it.
    Rule(
        "portal",
        never="httpx2 httpx aiohttp requests urllib.request http.client",
        save_in="portal.crm.client portal.crm.transport portal.auth.google portal.asgi "
        "portal.sandbox",
    ),
    Rule("portal", never="portal.cli", save_in="portal.cli portal.__main__"),
    Rule("portal", never="tests"),
    # What production does not install.
    Rule("portal", never="sqlalchemy aiosmtpd mcp", save_in="portal.sandbox"),
)


Imports = Mapping[str, frozenset[str]]


def lies_in(module: str, places: str) -> bool:
    """Whether a module is one of these, or inside one."""
    return any(module == place or module.startswith(f"{place}.") for place in places.split())


def imported_by(
    source: str, modules: frozenset[str], *, on_loading: bool = False
) -> frozenset[str]:
    """What a source imports, wherever in it, or only what it needs to be loaded itself.

    `from a import b` is `a.b` when that is a module.
    """
    found: set[str] = set()
    tree = ast.parse(source)
    for node in tree.body if on_loading else ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports cannot be read here"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            inner = names & modules
            found |= inner | ({str(node.module)} if inner != names else set())
    return frozenset(found)


def read_portal(*, on_loading: bool = False) -> dict[str, frozenset[str]]:
    """Each module of the portal and what it imports."""
    sources = {
        ".".join(path.relative_to(PORTAL.parent).with_suffix("").parts): path.read_text()
        for path in PORTAL.rglob("*.py")
    }
    sources = {name.removesuffix(".__init__"): source for name, source in sources.items()}
    modules = frozenset(sources)
    return {
        name: imported_by(source, modules, on_loading=on_loading)
        for name, source in sources.items()
    }


def offences(imports: Imports) -> list[str]:
    """Every import that a rule forbids."""
    return [
        f"{module} imports {wanted}"
        for rule in RULES
        for module, imported in sorted(imports.items())
        if lies_in(module, rule.of) and not lies_in(module, rule.save_in)
        for wanted in sorted(imported)
        if lies_in(wanted, rule.never) and not lies_in(wanted, rule.but)
    ]


def layer_of(module: str) -> int:
    """How high the unit that a module belongs to stands; StopIteration for an unlisted one."""
    unit = module.split(".")[1]
    return next(n for n, units in enumerate(LAYERS) if unit in units.split())


def looks_upward(imports: Imports) -> list[str]:
    """Every import of a higher layer from a lower one."""
    return [
        f"{module} imports {wanted}"
        for module, imported in sorted(imports.items())
        for wanted in sorted(imported)
        if module.count(".") and wanted.startswith("portal.")
        if layer_of(wanted) > layer_of(module)
    ]


@pytest.fixture(scope="module")
def portal() -> dict[str, frozenset[str]]:
    return read_portal()


def test_the_whole_portal_was_read(portal: Imports) -> None:
    assert len(portal) > 60
    assert "portal.crm.client" in portal["portal.crm.reads"]
    assert "httpx2" in portal["portal.crm.client"]
    assert "portal.format" in portal["portal.templating"]


def test_no_rule_is_broken(portal: Imports) -> None:
    assert offences(portal) == []


def test_no_layer_looks_upward(portal: Imports) -> None:
    assert looks_upward(portal) == []


def test_every_unit_has_its_place_in_the_table(portal: Imports) -> None:
    units = {module.split(".")[1] for module in portal if module.count(".")}
    listed = " ".join(LAYERS).split()
    assert units <= set(listed)
    assert len(listed) == len(set(listed))


def test_no_module_needs_itself_to_be_loaded() -> None:
    portal = read_portal(on_loading=True)
    done: set[str] = set()

    def visit(module: str, above: tuple[str, ...]) -> None:
        assert module not in above, " -> ".join((*above[above.index(module) :], module))
        if module in done or module not in portal:
            return
        for wanted in portal[module]:
            visit(wanted, (*above, module))
        done.add(module)

    for module in portal:
        visit(module, ())


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("portal.edge.kv", "from portal.errors import NotFound"),
        ("portal.edge.kv", "import portal.errors"),
        ("portal.edge.kv", "def f():\n    from portal import errors"),
        ("portal.sandbox.app", "from portal.crm.models import Invoice"),
        ("portal.sandbox.app", "from portal import domain"),
        ("portal.crm.client", "from portal.sandbox.app import create_sandbox"),
        ("portal.asgi", "import portal.sandbox.app"),
        ("portal.domain.invoices", "from portal.crm.models import Invoice"),
        ("portal.domain.invoices", "from portal.pages.home import home"),
        ("portal.domain.invoices", "from portal.auth.session import verify"),
        ("portal.domain.invoices", "from starlette.requests import Request"),
        ("portal.domain.invoices", "import httpx2 as httpx"),
        ("portal.pages.home", "from portal.crm.client import SMApi"),
        ("portal.pages.home", "from portal.crm import client"),
        ("portal.pages.home", "from portal.env import env_of"),
        ("portal.pages.home", "import httpx2"),
        ("portal.crm.access", "import httpx2 as httpx"),
        ("portal.auth.login", "from httpx2 import AsyncClient"),
        ("portal.app", "from portal.cli.banner import banner"),
        ("portal.app", "from tests.stage import stage"),
        ("portal.crm.client", "import sqlalchemy.orm"),
    ],
)
def test_each_rule_catches_what_it_is_for(module: str, source: str) -> None:
    modules = frozenset({"portal.errors", "portal.domain", "portal.crm.client"})
    assert offences({module: imported_by(source, modules)})


@pytest.mark.parametrize(
    ("module", "wanted"),
    [
        ("portal.crm.access", "portal.auth.gate"),
        ("portal.crm.access", "portal.pages.home"),
        ("portal.crm.client", "portal.settings.x"),
        ("portal.auth.gate", "portal.pages.home"),
        ("portal.pages.home", "portal.app"),
        ("portal.mail", "portal.crm.client"),
    ],
)
def test_a_look_upward_is_seen(module: str, wanted: str) -> None:
    found = looks_upward({module: frozenset({wanted})})
    assert bool(found) == (wanted != "portal.settings.x")
