"""What `portal grant` and `portal revoke` share: find the contact, show, ask, do it."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import sys
from dataclasses import dataclass, replace

from portal.asgi import build_env
from portal.auth.who import viewer_for
from portal.cli.project import add_project_options, load_project
from portal.crm.models import Contact
from portal.crm.staff_access import StaffAccess
from portal.domain.viewer import Role, Staff
from portal.env import Env
from portal.errors import NotFound, PortalError, SMApiError
from portal.observe import configure_logging
from portal.settings import Settings
from portal.staff.granting import grant, invite, revoke
from portal.staff.who_sees_what import seen_by


@dataclass(frozen=True)
class Wish:
    """What somebody at a terminal wants changed, for which address."""

    email: str
    role: Role | None
    invite: bool = False
    yes: bool = False


def add_access_options(parser: argparse.ArgumentParser) -> None:
    """The address, and what both commands know."""
    add_project_options(parser)
    parser.add_argument("email", metavar="EMAIL", help="the contact's address in the CRM")
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask")


def carry_out(arguments: argparse.Namespace, wish: Wish) -> int:
    """Do what was wished; 0 when done, 1 with the reason on standard error."""
    _, settings = load_project(arguments.config, arguments.env)
    configure_logging(json_lines=False)
    try:
        return asyncio.run(_run(settings, wish))
    except SMApiError as error:
        print(f"{error.title}: {error.detail}", file=sys.stderr)
    except PortalError as error:
        print(error.message, file=sys.stderr)
    return 1


async def _run(settings: Settings, wish: Wish) -> int:
    env = build_env(settings)
    try:
        name = getpass.getuser()
        access = StaffAccess(Staff(f"cli:{name}", "", name, settings.product), env.sm, env.contacts)
        contact = await _find(env, access, wish.email)
        if contact is None:
            return 1
        print(f"{contact.full_name or contact.email}, {contact.company_name or 'no company'}")
        await _show(env, contact, wish.role)
        if not wish.yes and not _confirmed():
            print("Nothing was changed.")
            return 1
        print(await _change(env, access, contact, wish))
        await env.outbox.deliver_due()
        return 0
    finally:
        await env.close()


async def _find(env: Env, access: StaffAccess, email: str) -> Contact | None:
    """The one contact of this product with this address; says so when there is not one."""
    product = env.settings.product
    everywhere = await env.contacts.with_address(email)
    found = [c for c in everywhere if await _is_ours(access, c)]
    if len(found) == 1:
        return found[0]
    if not found:
        print(f"No contact of {product} has the address {email}.", file=sys.stderr)
    else:
        print(f"{len(found)} contacts of {product} share {email}:", file=sys.stderr)
        for contact in found:
            print(f"  {contact.id}  {contact.company_name}", file=sys.stderr)
        print("Give access on the portal's staff pages, where each can be named.", file=sys.stderr)
    return None


async def _is_ours(access: StaffAccess, contact: Contact) -> bool:
    try:
        await access.record("contacts", contact.id)
    except NotFound:
        return False
    return True


async def _show(env: Env, contact: Contact, role: Role | None) -> None:
    if role is None:
        print("  will see nothing, and is signed out everywhere.")
        return
    viewer = replace(viewer_for(env, contact), role=role)
    if not viewer.company_id:
        return
    for kind, count in (await seen_by(env, viewer)).items():
        print(f"  {kind:<12} {count:>6}")


def _confirmed() -> bool:
    """Whether the person agrees; a script, which nobody could ask, has agreed by calling."""
    if not sys.stdin.isatty():
        return True
    try:
        return input("Go on? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


async def _change(env: Env, access: StaffAccess, contact: Contact, wish: Wish) -> str:
    if wish.role is None:
        await revoke(env, access, contact.id)
        return f"{contact.email} has no access any more."
    changed = await grant(env, access, contact.id, wish.role)
    said = f"{contact.email} has access as {wish.role.value}."
    if wish.invite and not await invite(env, changed):
        return f"{said} The mail server did not take the invitation."
    return f"{said} The invitation is on its way." if wish.invite else said
