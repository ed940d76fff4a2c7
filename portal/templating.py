"""Rendering: the templates, what every one of them knows, and the addresses of their assets.

`render(request, name, context)` answers with a page. Every template gets the viewer (or None),
the product, the menu, `asset()` and format functions in the viewer's locale and zone. Undefined
names raise, everything is escaped, and every word goes through gettext, in the viewer's language.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Hashable, Mapping
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import Any, Final, Protocol

from jinja2 import Environment
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from portal import format as formats
from portal.domain.accent import shades
from portal.domain.navigation import navigation
from portal.domain.viewer import Staff, Viewer
from portal.errors import PortalError
from portal.language import language_of
from portal.page_environment import page_environment
from portal.speculation import HEADER
from portal.words import ENGLISH, Words

_PACKAGE: Final = Path(__file__).parent


def _folder(name: str) -> Path:
    """A folder of the checkout, or its copy inside an installed package."""
    packed = _PACKAGE / f"_{name}"
    return packed if packed.is_dir() else _PACKAGE.parent / name


IMPORT_MAP: Final = '{"imports":{"@nomadahq/sm-ui":"/static/sm-ui.js"}}'
"""How pages' own scripts find the platform's browser helpers. The policy allows it by its hash."""

TEMPLATES_DIR: Final = _folder("templates")
STATIC_DIR: Final = _folder("static")


MOST_PARTS: Final = 256
"""Drawn parts that are kept: twelve kB each, at the most."""


class Brand(Protocol):
    """What the pages need of the portal's settings."""

    @property
    def portal_name(self) -> str:
        """The name in the header and the title: `Mode`."""

    @property
    def product(self) -> str:
        """The product's slug: `mode`."""

    @property
    def accent(self) -> str | None:
        """The product's colour, `#rrggbb`, when the configuration names one."""

    @property
    def links(self) -> tuple[tuple[str, str], ...]:
        """Further links of the menu: names and addresses."""

    @property
    def portal_origin(self) -> str:
        """Where the portal is, without a path: `https://mode.sprintmode.ai`."""

    @property
    def support_email(self) -> str:
        """Where a client writes when something is wrong."""

    @property
    def environment(self) -> str:
        """`local`, `staging`, `production`."""


class Assets:
    """Addresses of static files, with a hash of their content so that they can be kept forever."""

    def __init__(self, folder: Path, prefix: str = "/static", *, fixed: bool) -> None:
        """Serve from `folder`; `fixed` reads each file once, else anew for each page."""
        self._folder = folder
        self._prefix = prefix
        self._version: Callable[[str], str] = cache(self._hash) if fixed else self._hash
        # Each looked on the disk three times a page.
        self._branded: Callable[[str, str], str] = cache(self._brand) if fixed else self._brand

    def url(self, path: str) -> str:
        """`css/base.css` -> `/static/css/base.css?v=<hash>`. Raises FileNotFoundError."""
        return f"{self._prefix}/{path}?v={self._version(path)}"

    def brand_url(self, product: str, path: str) -> str:
        """A file of the product's own brand folder, else of the default one."""
        return self.url(self._branded(product, path))

    def brand_colour(self, product: str) -> str:
        """The product's colour under white text, as tokens.css has it: `#09826e`; for mails."""
        css = (self._folder / "css/tokens.css").read_text()
        fills = re.findall(r"--brand-fill: (#[0-9a-f]{6})", css)
        own = re.search(
            rf'data-product="{re.escape(product)}".*?--brand-fill: (#[0-9a-f]{{6}})', css
        )
        return own[1] if own else str(fills[0])

    def _brand(self, product: str, path: str) -> str:
        own = f"brand/{product}/{path}"
        return own if (self._folder / own).is_file() else f"brand/default/{path}"

    def _hash(self, path: str) -> str:
        return hashlib.sha256((self._folder / path).read_bytes()).hexdigest()[:12]


def colour_of(brand: Brand, assets: Assets) -> str:
    """The product's colour under white text: `#09826e`."""
    return shades(brand.accent).fill if brand.accent else assets.brand_colour(brand.product)


MacroOf = Callable[[str, str], Callable[..., str]]


class Parts:
    """Parts of pages that are the same for the same values; the oldest go first."""

    def __init__(self, most: int = MOST_PARTS) -> None:
        self._most = most
        self._kept: dict[Hashable, Markup] = {}

    def drawn(
        self, reader: Hashable, macro: MacroOf, template: str, name: str, *values: Hashable
    ) -> Markup:
        """What a macro makes of these values for whoever reads like `reader`.

        It must depend on nothing else. `macro` gives it, by its template and its name.
        """
        key = (reader, template, name, values)
        part = self._kept.get(key)
        if part is None:
            part = Markup(macro(template, name)(*values))  # noqa: S704 # escaped by it
            self._kept[key] = part
            if len(self._kept) > self._most:
                del self._kept[next(iter(self._kept))]
        return part


class Templates:
    """The compiled templates and what they have in common."""

    def __init__(
        self, brand: Brand, *, templates: Path, assets: Assets, words: Words, reload: bool
    ) -> None:
        self._brand = brand
        self.assets = assets
        self._folder = templates
        self._reload = reload
        self.words = words
        self._parts = Parts()
        # Each once somebody speaks it: a catalogue takes 30 ms of a start.
        self._environment = cache(self._new_environment)

    def page(self, request: Request, name: str, context: Mapping[str, Any]) -> str:
        """Render a page for whoever asked. Raises jinja2.UndefinedError on a missing name."""
        state = request.state
        viewer: Viewer | None = getattr(state, "viewer", None)
        who: Viewer | Staff | None = viewer or getattr(state, "staff", None)
        language = self.language_of(request)
        formatters = _formatters(viewer, language)

        def macro(template: str, name: str) -> Callable[..., str]:
            module = self._environment(language).get_template(template).make_module(formatters)
            found: Callable[..., str] = getattr(module, name)
            return found

        return (
            self._environment(language)
            .get_template(name)
            .render(
                {
                    "viewer": viewer,
                    "person": who.person if who else None,
                    "nav": navigation(who, request.url.path),
                    "path": request.url.path,
                    "theme": theme_of(request),
                    "csp_nonce": getattr(state, "csp_nonce", ""),
                    "preview": getattr(state, "preview", None),
                    "standing_change": getattr(state, "standing_change", None),
                    **_as_of(getattr(state, "access", None), viewer),
                    "is_unconfirmed": getattr(state, "is_unconfirmed", False),
                    "live": getattr(state, "live", False),
                    **formatters,
                    "drawn": partial(self._parts.drawn, _reader(viewer, language), macro),
                    **context,
                }
            )
        )

    def mail(self, name: str, context: Mapping[str, Any], viewer: Viewer) -> str:
        """Render one part of a mail to this viewer; no request belongs to it."""
        environment = self._environment(self.words.language_of(viewer.locale))
        return environment.get_template(name).render({**_formatters(viewer), **context})

    def say_to(self, viewer: Viewer, text: str, values: Mapping[str, Any] | None = None) -> str:
        """A message id of ours in the language of this viewer; for mails."""
        return self.words.say(self.words.language_of(viewer.locale), text, values)

    def language_of(self, request: Request) -> str:
        """The language that the page of this request is in."""
        viewer: Viewer | None = getattr(request.state, "viewer", None)
        return language_of(request, self.words, viewer.locale if viewer else None)

    def say(self, request: Request, text: str, values: Mapping[str, Any] | None = None) -> str:
        """A message id of ours in the language of this request."""
        return self.words.say(self.language_of(request), text, values)

    def _new_environment(self, language: str) -> Environment:
        made = page_environment(self._folder, self.words, language, reload=self._reload)
        made.filters["initials"] = initials
        brand, assets = self._brand, self.assets
        made.globals.update(
            language=language,
            languages=[(one, language_name(one)) for one in self.words.languages],
            product=brand.product,
            portal_name=brand.portal_name,
            origin=brand.portal_origin,
            support_email=brand.support_email,
            asset=assets.url,
            import_map=Markup(IMPORT_MAP),  # noqa: S704 # a constant of ours
            brand_asset=partial(assets.brand_url, brand.product),
            brand_colour=lambda: colour_of(brand, assets),
            accent=brand.accent,
            links=brand.links,
        )
        return made


class Readings(Protocol):
    """What a page was made from."""

    @property
    def as_of(self) -> datetime | None:
        """Of when it is, while it cannot be read anew."""

    def now(self) -> datetime:
        """The current moment."""


def _as_of(readings: Readings | None, viewer: Viewer | None) -> dict[str, Any]:
    """Of when the data of a page is, and whether that was today where the viewer is."""
    as_of = readings.as_of if readings else None
    if readings is None or viewer is None or as_of is None:
        return {"as_of": None}
    zone = formats.zone_of(viewer.time_zone)
    days = {moment.astimezone(zone).date() for moment in (as_of, readings.now())}
    return {"as_of": as_of, "as_of_is_today": len(days) == 1}


def language_name(language: str) -> str:
    """A language by its own name: `Español`."""
    name = formats.locale_of(language).get_language_name() or language
    return name[:1].upper() + name[1:]


THEME_COOKIE: Final = "portal_theme"
THEME_SECONDS: Final = 365 * 86_400


def theme_of(request: Request) -> str | None:
    """The colours that this browser was told to use: `dark`, `light`, or None for its own wish."""
    kept = request.cookies.get(THEME_COOKIE)
    return kept if kept in ("dark", "light") else None


def remember_theme(response: Response, theme: str) -> None:
    """Keep `dark` or `light` in the browser; scripts may read and change it."""
    response.set_cookie(THEME_COOKIE, theme, max_age=THEME_SECONDS, path="/", samesite="lax")


def forget_theme(response: Response) -> None:
    """Let the device decide again."""
    response.delete_cookie(THEME_COOKIE, path="/", samesite="lax")


def initials(name: str) -> str:
    """One or two capital letters that stand for a name or an address: `JS` for Jane Smith."""
    words = [word for word in re.split(r"[\s._-]+", name.partition("@")[0]) if word]
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper()


def _reader(viewer: Viewer | None, language: str) -> Hashable:
    """What decides how values are written: see `_formatters`."""
    return (language, viewer.locale, viewer.time_zone) if viewer else language


def _formatters(viewer: Viewer | None, language: str = ENGLISH) -> dict[str, Callable[..., str]]:
    """How dates, numbers and amounts are written; nobody's in a plain form of the language."""
    plain = formats.FALLBACK_LOCALE if language == ENGLISH else language
    locale = formats.locale_of(viewer.locale if viewer else plain)
    zone = formats.zone_of(viewer.time_zone if viewer else formats.FALLBACK_ZONE)
    return {
        "money": partial(formats.money, locale=locale),
        "number": partial(formats.number, locale=locale),
        "rough_money": partial(formats.rough_money, locale=locale),
        "day": partial(formats.day, locale=locale),
        "month": partial(formats.month, locale=locale),
        "short_month": partial(formats.short_month, locale=locale),
        "long_day": partial(formats.long_day, locale=locale),
        "moment": partial(formats.moment, locale=locale, zone=zone),
        "clock_time": partial(formats.clock_time, locale=locale, zone=zone),
        "relative": partial(formats.relative, locale=locale),
    }


def build_templates(
    brand: Brand, *, templates: Path = TEMPLATES_DIR, static: Path = STATIC_DIR
) -> Templates:
    """The portal's templates; on a developer's machine an edit shows at the next reload."""
    local = brand.environment == "local"
    assets = Assets(static, fixed=not local)
    return Templates(brand, templates=templates, assets=assets, words=Words(), reload=local)


def render(
    request: Request, name: str, context: Mapping[str, Any], status_code: int = 200
) -> Response:
    """Answer with the page `name`, using the app's `state.templates`."""
    templates: Templates = request.app.state.templates
    response = HTMLResponse(templates.page(request, name, context), status_code=status_code)
    if getattr(request.state, "who", None) is not None:
        response.headers["Speculation-Rules"] = HEADER
    return response


def say(request: Request, error: PortalError) -> str:
    """What an error says, in the language of this request."""
    templates: Templates = request.app.state.templates
    return templates.say(request, error.message_id, error.values)
