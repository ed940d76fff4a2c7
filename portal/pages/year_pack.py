"""Year packs: choosing a year, watching its pack being made, and what can be done with it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from portal.documents.wording import Wording
from portal.errors import BadInput
from portal.packs.desk import packs_of
from portal.packs.download import file_name
from portal.packs.events import progress_words
from portal.submitted import submitted
from portal.templating import render, say

REFRESH_SECONDS = 3
"""How often the page asks again in a browser without scripts."""


async def year_packs(request: Request) -> Response:
    """GET /year-pack: the years there are, and the viewer's packs. Raises RoleNotAllowed."""
    return await _page(request)


async def start_year_pack(request: Request) -> Response:
    """POST /year-pack `{year}`: starts or joins its pack, and shows it. What is wrong is said.

    Raises RoleNotAllowed, and SMApiError when the invoices cannot be read.
    """
    packs = packs_of(request)
    typed = (await submitted(request)).get("year", "")
    try:
        return _to(await packs.start(typed))
    except BadInput as error:
        return await _page(request, typed, error)


async def year_pack(request: Request) -> Response:
    """GET /year-pack/{id}: how far it is, or the way to download it. Raises NotFound.

    It changes nothing: a pack that nobody is at any more gets a button.
    """
    pack = await packs_of(request).find(request.path_params["id"])
    finished = {file.name: file for file in pack.job.files}
    return render(
        request,
        "year_pack/one.html",
        {
            "pack": pack,
            "files": [(name, finished.get(name)) for name in pack.job.names],
            "words": progress_words(pack, Wording.of(request)),
            "file_name": file_name(pack),
            "refresh": REFRESH_SECONDS,
        },
    )


async def go_on_with_year_pack(request: Request) -> Response:
    """POST /year-pack/{id}/go-on: takes up what was interrupted. Raises NotFound.

    While another pack is being made, says so.
    """
    try:
        return _to(await packs_of(request).go_on(request.path_params["id"]))
    except BadInput as error:
        return await _page(request, error=error)


async def cancel_year_pack(request: Request) -> Response:
    """POST /year-pack/{id}/cancel: forgets what was made so far. Raises NotFound."""
    pack_id = request.path_params["id"]
    await packs_of(request).cancel(pack_id)
    return _to(pack_id)


async def delete_year_pack(request: Request) -> Response:
    """POST /year-pack/{id}/delete: forgets the pack. Raises NotFound."""
    await packs_of(request).delete(request.path_params["id"])
    return RedirectResponse("/year-pack", status_code=303)


def _to(pack_id: str) -> Response:
    return RedirectResponse(f"/year-pack/{pack_id}", status_code=303)


async def _page(request: Request, typed: str = "", error: BadInput | None = None) -> Response:
    packs = packs_of(request)
    return render(
        request,
        "year_pack/all.html",
        {
            "years": await packs.years(),
            "packs": await packs.mine(),
            "chosen": typed,
            "error_text": say(request, error) if error else None,
        },
        status_code=error.status if error else 200,
    )
