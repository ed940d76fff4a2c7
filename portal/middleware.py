"""Everything that stands between the server and a page, in the order a request meets it."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.middleware import Middleware

from portal.auth.csrf import CsrfCheck
from portal.auth.gate import Gate
from portal.compression import Compression
from portal.conditional import ConditionalPages
from portal.error_page import ErrorPages
from portal.hot_pages import HotPages
from portal.observe import Count, RequestLog
from portal.security import BodyLimit, HostCheck, SecurityHeaders, content_security_policy
from portal.server_timing import ServerTiming
from portal.settings import Settings
from portal.templating import IMPORT_MAP
from portal.tracing import Tracing


def middleware(
    settings: Settings, count: Count, tracing: Tracing | None = None
) -> list[Middleware]:
    """The list, outermost first. What raises inside `ErrorPages` is answered by it.

    `count` is told of each request that is over.
    """
    origin = settings.portal_origin
    is_local = settings.environment == "local"
    return [
        *([Middleware(tracing.around)] if tracing is not None else []),
        *([Middleware(ServerTiming)] if is_local else []),
        Middleware(HotPages, count=count, is_outermost=tracing is None and not is_local),
        Middleware(RequestLog, count=count),
        Middleware(Compression),
        Middleware(ConditionalPages),
        Middleware(
            SecurityHeaders,
            policy=content_security_policy((IMPORT_MAP,)),
            https=origin.startswith("https://"),
        ),
        Middleware(ErrorPages),
        Middleware(HostCheck, host=urlsplit(origin).netloc),
        Middleware(BodyLimit),
        Middleware(CsrfCheck, origin=origin),
        Middleware(Gate),
    ]
