"""The board (监控看板): every meter of the site, and what changed since."""

from collections.abc import AsyncIterator
from datetime import datetime

import msgspec
from msgspec import Struct

from backend.context import Context
from backend.replies import event_text
from backend.services.authenticate import standing_rights
from backend.services.board_feed import GATHER_S, BoardFeed, feed_of
from backend.services.board_lines import BoardLine
from backend.services.board_rows import BoardRow, contact_phones
from backend.services.show_alarms import AlarmMark

PERMISSION, PHONES = "staff.board", "staff.tenant.view"
# Rights are asked for again this often, pauses included: within 5 s a stream without them has ended.
RECHECK_S = 4.5
STREAM_BEAT_S = 15.0
_REREAD_WHILE_DOWN_S = 1.0


class Board(Struct, frozen=True, kw_only=True):
    """The whole of it. `phones`: of each account's contact, for who may see tenants; None otherwise."""

    at: datetime
    version: str  # Ask the stream for what changed since.
    rows: list[BoardRow]
    lines: list[BoardLine]
    alarms: list[AlarmMark]  # What stands, by id and version.
    phones: dict[str, str] | None


class ChangedRows(Struct, frozen=True, kw_only=True):
    """Whole rows, of the meters that changed."""

    at: datetime
    rows: msgspec.Raw


class Lines(Struct, frozen=True, kw_only=True):
    at: datetime
    lines: list[BoardLine]


class Alarms(Struct, frozen=True, kw_only=True):
    """What stands now, the whole of it: whoever missed one event is right again with the next."""

    at: datetime
    alarms: list[AlarmMark]


async def show_board(ctx: Context) -> Board:
    """Return every meter of the caller's site as it stands."""
    site_id = ctx.caller.site_id
    feed = feed_of(ctx, site_id)
    await feed.look(ctx, site_id, ctx.wakes.ticket(f"live:{site_id}"), at_once=True)
    return await _whole(ctx, feed, may_phone=PHONES in ctx.caller.permissions)


async def _whole(ctx: Context, feed: BoardFeed, *, may_phone: bool) -> Board:
    assert feed.at is not None
    at, mark = feed.at, feed.mark
    found, lines, alarms = list(feed.rows.values()), feed.lines, feed.alarms
    phones = await contact_phones(ctx.caller.site_id) if may_phone else None
    return Board(at=at, version=mark, rows=found, lines=lines, alarms=alarms, phones=phones)


async def stream_board(ctx: Context, since: str = "") -> AsyncIterator[str]:
    """Yield server-sent events: what changed since a version, then each second what changed (实时推送).

    since: the version of a board that the page has, or the id of the last event it saw.
    Events: "rights" (the caller's permissions, at first and when they changed), "board" (the whole, where
    what was missed since cannot be told), "rows" (those that changed; the first may be none: the page is
    up to date), "lines" and "alarms" (all of them, when one changed), "beat" (server time; the data are
    still live). The last event of a look carries its version as the id.
    Ends when the caller has signed out or lost the right to see it, which is told before.
    """
    site_id = ctx.caller.site_id
    topic = f"live:{site_id}"
    feed = feed_of(ctx, site_id)
    version: int | None = None
    rights: frozenset[str] | None = None
    last_s = ctx.clock.monotonic()
    while True:
        ticket = ctx.wakes.ticket(topic)
        standing = await standing_rights(ctx)
        if standing is None:
            return
        if standing != rights:
            rights = standing
            yield event_text({"permissions": sorted(standing)}, event="rights")
        if PERMISSION not in standing:
            return
        await feed.look(ctx, site_id, ticket, at_once=version is None)
        begins = version is None
        if begins:
            version = feed.version_of(since)
        number = feed.version
        if version is None:
            whole = await _whole(ctx, feed, may_phone=PHONES in standing)
            yield event_text(whole, event="board", id_=whole.version)
            version, last_s = number, ctx.clock.monotonic()
        elif feed.removed_version > version:
            version = None  # A meter is gone: the whole is sent, with what else changed.
            since = ""
            continue
        elif number > version or begins:
            for event in _changes(feed, version, begins=begins):
                yield event
            version, last_s = number, ctx.clock.monotonic()
        elif ctx.clock.monotonic() - last_s > STREAM_BEAT_S:
            yield event_text({"at": feed.at}, event="beat")
            last_s = ctx.clock.monotonic()
        longest_s = RECHECK_S - GATHER_S
        await ctx.wakes.wait(topic, ticket, min(longest_s, ctx.wakes.reread_s(_REREAD_WHILE_DOWN_S)))


def _changes(feed: BoardFeed, version: int, *, begins: bool) -> list[str]:
    """Write what changed after a version; all of it at once, so that it is one state of the board."""
    assert feed.at is not None
    found: list[tuple[str, object]] = []
    if feed.lines_version > version:
        found.append(("lines", Lines(at=feed.at, lines=feed.lines)))
    if feed.alarms_version > version:
        found.append(("alarms", Alarms(at=feed.at, alarms=feed.alarms)))
    changed = feed.changed_since(version)
    if begins or not found or changed != b"[]":
        found.append(("rows", ChangedRows(at=feed.at, rows=msgspec.Raw(changed))))
    ids = [""] * (len(found) - 1) + [feed.mark]
    return [event_text(value, event=name, id_=id_) for (name, value), id_ in zip(found, ids, strict=True)]
