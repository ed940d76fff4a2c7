"""`portal activities`: what is on its way to the CRM, what was given up, and another try of that.

It works beside a running portal, which delivers what is replayed.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final

import msgspec

from portal.activity.outbox import Outbox
from portal.activity.write import ACTIVITIES, Unreadable, Write, read_write
from portal.asgi import build_env
from portal.cli.project import add_project_options, load_project
from portal.edge.queue import DeadLetter
from portal.observe import configure_logging

UNITS: Final = ((86_400, "day"), (3600, "hour"), (60, "minute"))
Act = Callable[[Outbox, argparse.Namespace], Awaitable[int]]


def add_options(parser: argparse.ArgumentParser) -> None:
    """The command's options and what it can do; alone, it lists."""
    add_project_options(parser)
    parser.set_defaults(run=run, act=_list)
    actions = parser.add_subparsers(dest="action", metavar="list|dead|replay")
    actions.add_parser("list", help="how many wait and since when, and how many are dead letters")
    dead = actions.add_parser("dead", help="each dead letter, and why it was given up")
    dead.add_argument("id", nargs="?", metavar="ID", help="only this one, with all that it says")
    dead.set_defaults(act=_dead)
    replay = actions.add_parser("replay", help="put dead letters back in line to be delivered")
    which = replay.add_mutually_exclusive_group(required=True)
    which.add_argument("ids", nargs="*", default=[], metavar="ID", help="as `dead` lists them")
    which.add_argument("--all", action="store_true", help="every dead letter")
    replay.set_defaults(act=_replay)


def run(arguments: argparse.Namespace) -> int:
    """Do it; 1 when a dead letter that was named is none, or the queue cannot be used.

    Raises ConfigError.
    """
    _, settings = load_project(arguments.config, arguments.env)
    configure_logging(json_lines=False)

    async def act() -> int:
        env = build_env(settings)
        try:
            chosen: Act = arguments.act
            return await chosen(env.outbox, arguments)
        finally:
            await env.close()

    try:
        return asyncio.run(act())
    except Exception as error:  # whatever the engine raises
        print(f"The ACTIVITIES queue cannot be used: {error}", file=sys.stderr)
        return 1


async def _list(outbox: Outbox, _arguments: argparse.Namespace) -> int:
    depth = await outbox.depth()
    since = f", the first for {in_words(depth.oldest_age_seconds)}" if depth.waiting else ""
    print(f"{depth.waiting} waiting{since}")
    print(f"{counted(depth.dead, 'dead letter')}{': portal activities dead' if depth.dead else ''}")
    return 0


async def _dead(outbox: Outbox, arguments: argparse.Namespace) -> int:
    letters = await outbox.dead()
    if arguments.id is None:
        for letter in letters:
            print(summary(letter))
        return 0
    for letter in letters:
        if letter.id == arguments.id:
            print(summary(letter), details(letter), sep="\n")
            return 0
    return _unknown(arguments.id)


async def _replay(outbox: Outbox, arguments: argparse.Namespace) -> int:
    ids = [letter.id for letter in await outbox.dead()] if arguments.all else arguments.ids
    replayed, code = 0, 0
    for queued in ids:
        if await outbox.replay(queued):
            replayed += 1
        elif not arguments.all:
            code = _unknown(queued)
    print(f"{counted(replayed, 'dead letter')} back in line.")
    return code


def _unknown(queued: str) -> int:
    print(f"There is no dead letter {printable(queued)}.", file=sys.stderr)
    return 1


def summary(letter: DeadLetter) -> str:
    """What a dead letter is, of whom, and why it was given up: two lines."""
    at = datetime.fromtimestamp(letter.buried_at, UTC)
    tries = counted(letter.attempts, "attempt")
    which = f"{letter.id}  {letter.key}  {_what(letter)}"
    why = f"given up {at:%Y-%m-%d %H:%M:%S} UTC after {tries}: {letter.detail}"
    return f"{printable(which)}\n  {printable(why)}"


def details(letter: DeadLetter) -> str:
    """All that SM API was sent, as JSON for people."""
    try:
        lines = msgspec.json.format(letter.body, indent=2).decode().split("\n")
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return repr(letter.body)
    return "\n".join(printable(line) for line in lines)


def _what(letter: DeadLetter) -> str:
    try:
        write = read_write(letter.body)
    except Unreadable:
        return "unreadable"
    return _in_short(write)


def _in_short(write: Write) -> str:
    if write.path == ACTIVITIES:
        title = f": {write.body['title']}" if write.body.get("title") else ""
        return f"{write.body.get('activity_type')}{title}"
    return f"{write.method} {write.path} ({', '.join(sorted(write.body))})"


def in_words(seconds: float) -> str:
    """A time in its largest unit: `2 hours`."""
    for length, unit in UNITS:
        if seconds >= length:
            return counted(int(seconds // length), unit)
    return counted(int(seconds), "second")


def counted(count: int, noun: str) -> str:
    """`1 day`, `2 days`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def printable(text: str) -> str:
    """Without what a terminal obeys, line ends too: clients wrote some of it."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
