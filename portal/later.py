"""Endpoints whose modules are loaded when somebody first asks for them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

Endpoint = Callable[[Request], Awaitable[Response]]


def later(module: str, *names: str) -> tuple[Endpoint, ...]:
    """What `from module import names` gives, without loading the module yet.

    Nine in ten endpoints are not asked for in a process's first second, and loading them took an
    eighth of its start. `tests/test_later.py` sees that each of them exists.
    """
    return tuple(_endpoint(module, name) for name in names)


def _endpoint(module: str, name: str) -> Endpoint:
    found: Any = None

    async def endpoint(request: Request) -> Response:
        nonlocal found
        if found is None:
            found = getattr(import_module(module), name)
        answer: Response = await found(request)
        return answer

    endpoint.__module__, endpoint.__qualname__ = module, name
    return endpoint
