"""What `portal dev` prints once everything runs: bindings, addresses, people."""

from __future__ import annotations

from collections.abc import Sequence

from portal.cli.sandbox import Place
from portal.edge.bindings import render_bindings
from portal.edge.config import Config
from portal.sandbox.demo import DemoPerson
from portal.settings import Settings, binding_rows


def banner(config: Config, settings: Settings, place: Place, people: Sequence[DemoPerson]) -> str:
    """The whole text. Secrets are named and never shown."""
    wide = max(len(person.email) for person in people)
    lines = [
        render_bindings(binding_rows(config, settings)),
        "",
        f"  Portal   {settings.portal_origin}",
        f"  Sandbox  {place.origin}  (an SM API with demo data)",
        f"  Mailbox  {place.origin}/mailbox  (every mail arrives here)",
        "",
        "  Sign in as",
        *(f"    {person.email:<{wide}}  {person.name}, {person.note}" for person in people),
        "",
        "  Ctrl-C stops everything; `portal dev --fresh` starts over with new data.",
    ]
    return "\n".join(lines)
