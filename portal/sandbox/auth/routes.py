"""The routes under `/auth`, and the style sheet of their pages."""

from __future__ import annotations

from starlette.routing import BaseRoute, Route

from portal.sandbox.auth import magic_link, me, pages, sso
from portal.sandbox.google.authorization import CALLBACK


def routes() -> list[BaseRoute]:
    """Sign-in, session, sign-out."""
    return [
        Route("/auth/login", magic_link.login, methods=["GET"]),
        Route("/auth/magic", magic_link.ask, methods=["POST"]),
        Route("/auth/magic-link", magic_link.ask, methods=["POST"]),
        Route("/auth/magic/verify", magic_link.verify, methods=["GET", "POST"]),
        Route("/auth/verify-code", magic_link.verify_code, methods=["POST"]),
        Route("/auth/sso/google", sso.start, methods=["GET"]),
        Route(CALLBACK, sso.callback, methods=["GET"]),
        Route("/auth/me", me.me, methods=["GET"]),
        Route("/auth/logout", me.logout, methods=["GET", "POST"]),
        Route("/assets/sign-in.css", pages.css, methods=["GET"]),
    ]
