"""GET /year-pack/{id}.zip: the pack itself. A download that broke off can go on where it was.

The ZIP is not kept beside its files: it is written anew for each download, which costs no more
than reading them, and comes out the same to the byte. So its length and sum, taken once when the
pack was done, hold for every one, and any part of it can be had.
"""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from portal.documents.file_answer import plain_name
from portal.documents.ranges import Span, Unsatisfiable, read_span
from portal.documents.year_pack import part_of
from portal.domain.year_pack import PackState
from portal.errors import NotFound
from portal.packs.desk import Pack, packs_of

ZIP: Final = "application/zip"


async def download(request: Request) -> Response:
    """The ZIP or the part asked for. Raises NotFound as the page, and until the pack is done."""
    packs = packs_of(request)
    pack = await packs.find(request.path_params["id"])
    if pack.state is not PackState.DONE:
        raise NotFound
    size, tag = pack.job.zip_bytes, f'"{pack.job.zip_sha256}"'
    headers = {
        "ETag": tag,
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-store",
        "Content-Disposition": f'attachment; filename="{file_name(pack)}"',
    }
    if _names(request.headers.get("if-none-match", ""), tag):
        return Response(status_code=304, headers=headers)
    try:
        span = read_span(_range_of(request, tag), size)
    except Unsatisfiable:
        headers["Content-Range"] = f"bytes */{size}"
        return Response(status_code=416, headers=headers)
    if span is not None:
        headers["Content-Range"] = f"bytes {span.first}-{span.last}/{size}"
    wanted = span or Span(0, size - 1)
    headers["Content-Length"] = str(wanted.length)
    status = 200 if span is None else 206
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=ZIP)
    return StreamingResponse(
        part_of(packs.content(pack), wanted.first, wanted.last),
        status_code=status,
        headers=headers,
        media_type=ZIP,
    )


def file_name(pack: Pack) -> str:
    """What it is stored as: `mode-2026.zip`."""
    return plain_name(f"{pack.job.product}-{pack.job.year}.zip")


def _range_of(request: Request, tag: str) -> str | None:
    """The `Range` header, unless it holds for another file than this (RFC 9110 §13.1.5)."""
    condition = request.headers.get("if-range")
    if request.method != "GET" or (condition is not None and condition.strip() != tag):
        return None
    return request.headers.get("range")


def _names(known: str, tag: str) -> bool:
    return tag in {part.strip().removeprefix("W/") for part in known.split(",")}
