"""Meters near a limit (关注表): read every few seconds, so that nobody is cut off, or runs on, unseen.

Near is: what the account has left above its next level or above −overdraft is what it uses in about ten
minutes, or its power is at four fifths of the limit, or a row over the limit is being counted. A meter on
the list leaves it a little later than it came, so that it does not come and go. Lines are slow: the
most urgent eight of each line.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from backend.domain.power_limit import PowerState
from backend.models.accounts import Account
from backend.models.meters import MeterState
from backend.store import rows
from common.units import NANOYUAN_PER_FEN
from common.wire import Relay

MOST_A_LINE = 8
NEAR_PERCENT, LEAVES_PERCENT = 80, 70  # Of the power limit.
_TEN_MINUTES_A_DAY = 144
_BUSY_HOURS = 2  # A shop's day is short: in it, it uses about twice its mean.
_NANO_PER_WATT = 250_000  # Ten minutes of one watt at 1.5 yuan per kWh, dearer than any period.
_LEAST_MARGIN_NANO = 10 * NANOYUAN_PER_FEN  # What a kiosk uses in ten minutes; two yuan last it all night.
_LEAVES_MARGIN = 1.5  # Times the margin at which it came.
_COUNTING = (PowerState.COUNTING.value, PowerState.TOLD.value)

_POWER_SQL = """
SELECT m.id AS meter_id, l.id AS line_id, l.code, st.power_w, a.power_limit_w, w.state
FROM account a JOIN meter m ON m.account_id = a.id JOIN line l ON l.id = m.line_id
JOIN meter_state st ON st.meter_id = m.id LEFT JOIN power_watch w ON w.meter_id = m.id
WHERE a.site_id = ? AND a.power_limit_w IS NOT NULL AND m.retired_at IS NULL
AND (st.power_w * 100 >= a.power_limit_w * ? OR w.state IN (?, ?)) AND st.silent_since_at IS NULL"""

# The estimate, in nanoyuan above −overdraft, of accounts that are not in arrears (after that the engine asks
# for the readings that it needs) and whose meters were all read. Of those far above any level nothing is
# worked out: the last condition lets through all that can be near, and a few more.
_MONEY_SQL = f"""
SELECT a.id AS account_id, a.mean_daily_nano, a.level, a.low_fen, a.critical_fen, a.overdraft_fen,
       (a.settled_fen + a.overdraft_fen) * {NANOYUAN_PER_FEN} - a.carried_nano - s.accrued_nano AS left_nano,
       s.power_w
FROM account a JOIN (
    SELECT account_id, SUM(accrued_nano) AS accrued_nano, SUM(power_w) AS power_w FROM meter_state
    WHERE site_id = ? AND account_id IS NOT NULL GROUP BY account_id
    HAVING COUNT(*) = COUNT(read_at)
) s ON s.account_id = a.id
WHERE a.site_id = ? AND a.in_arrears = ? AND a.closed_at IS NULL
AND (a.settled_fen + a.overdraft_fen - ABS(a.overdraft_fen) - ABS(a.low_fen) - ABS(a.critical_fen))
    * {NANOYUAN_PER_FEN} - a.carried_nano - s.accrued_nano
    <= {2 * _LEAST_MARGIN_NANO} + ABS(COALESCE(a.mean_daily_nano, 0)) / 48"""

_METERS_SQL = """
SELECT m.id AS meter_id, m.account_id, l.id AS line_id, l.code
FROM meter m JOIN line l ON l.id = m.line_id JOIN supply su ON su.meter_id = m.id
WHERE m.site_id = ? AND m.retired_at IS NULL AND su.desired = ? AND m.account_id IN ({marks})"""

Owns = Callable[[str], bool]


async def watch_list(site_id: int, owns: Owns, held: Collection[str]) -> list[str]:
    """Return the ids of meters to be watched, sorted.

    owns: tells by a line's code whether it is the collector's. held: the meters on its list now.
    """
    urgency: dict[int, tuple[float, int]] = {}  # Meter -> urgency (the smaller comes first), line.
    for row in await _near_power(site_id, held):
        if owns(row["code"]):
            urgency[row["meter_id"]] = (_power_urgency(row), row["line_id"])
    for row, share in await _near_money(site_id, held):
        if owns(row["code"]):
            before = urgency.get(row["meter_id"], (share, 0))[0]
            urgency[row["meter_id"]] = (min(share, before), row["line_id"])
    by_line: dict[int, list[tuple[float, int]]] = {}
    for meter_id, (share, line_id) in urgency.items():
        by_line.setdefault(line_id, []).append((share, meter_id))
    chosen = [meter_id for ranked in by_line.values() for _, meter_id in sorted(ranked)[:MOST_A_LINE]]
    return sorted(str(meter_id) for meter_id in chosen)


def may_concern(accounts: Mapping[int, Account], states: Iterable[MeterState], held: Collection[str]) -> bool:
    """Tell whether new readings may change the list, from what is at hand: most batches change nothing."""
    accrued: dict[int, int] = {}
    power_w: dict[int, int] = {}
    for state in states:
        account = accounts.get(state.account_id or 0)
        limit_w = None if account is None else account.power_limit_w
        is_high = limit_w is not None and (state.power_w or 0) * 100 >= limit_w * NEAR_PERCENT
        if is_high or str(state.meter_id) in held:
            return True
        if account is not None:
            accrued[account.id] = accrued.get(account.id, 0) + state.accrued_nano
            power_w[account.id] = power_w.get(account.id, 0) + (state.power_w or 0)
    return any(_is_account_near(accounts[number], nano, power_w[number]) for number, nano in accrued.items())


def _is_account_near(account: Account, accrued_nano: int, power_w: int) -> bool:
    settled = (account.settled_fen + account.overdraft_fen) * NANOYUAN_PER_FEN
    left = _left(
        settled - account.carried_nano - accrued_nano,
        account.overdraft_fen,
        (account.low_fen, account.critical_fen)[account.level :],
    )
    share = _share(left, account.mean_daily_nano, power_w)
    return not account.in_arrears and share is not None and share <= 1


async def _near_power(site_id: int, held: Collection[str]) -> list[dict[str, Any]]:
    found = await rows(_POWER_SQL, [site_id, LEAVES_PERCENT, *_COUNTING])
    return [row for row in found if str(row["meter_id"]) in held or _is_near(row)]


def _is_near(row: dict[str, Any]) -> bool:
    power_w = row["power_w"] or 0
    return row["state"] in _COUNTING or power_w * 100 >= row["power_limit_w"] * NEAR_PERCENT


def _power_urgency(row: dict[str, Any]) -> float:
    """Counting first, ahead of any account; then by the distance to the limit."""
    if row["state"] in _COUNTING:
        return -1.0
    return max(0.0, 1 - int(row["power_w"] or 0) / int(row["power_limit_w"]))


async def _near_money(site_id: int, held: Collection[str]) -> list[tuple[dict[str, Any], float]]:
    """Return the meters of accounts that come near a level, with what is left as a share of the margin."""
    shares: dict[int, float] = {}
    for row in await rows(_MONEY_SQL, [site_id, site_id, False]):
        levels = (row["low_fen"], row["critical_fen"])[row["level"] :]
        left = _left(int(row["left_nano"]), row["overdraft_fen"], levels)
        share = _share(left, row["mean_daily_nano"], int(row["power_w"] or 0))
        if share is not None and share <= _LEAVES_MARGIN:
            shares[row["account_id"]] = share
    if not shares:
        return []
    marks = ",".join("?" * len(shares))
    found = await rows(_METERS_SQL.format(marks=marks), [site_id, Relay.ON.value, *shares])
    near = [(row, shares[row["account_id"]]) for row in found]
    return [(row, share) for row, share in near if share <= 1 or str(row["meter_id"]) in held]


def _left(above_nano: int, overdraft_fen: int, levels_fen: Sequence[int]) -> list[int]:
    """How far the estimate is above −overdraft, and above the levels that were not told yet (nanoyuan).

    above_nano counts from −overdraft, the levels count from zero.
    """
    levels = [above_nano - (overdraft_fen + level) * NANOYUAN_PER_FEN for level in levels_fen]
    return [above_nano, *levels]


def _share(left: Iterable[int], mean_daily_nano: int | None, power_w: int) -> float | None:
    """The least of what is left, as a share of about ten minutes' use; what was passed counts no more.

    Use by the power of now and by the mean of the last days, whichever is more.
    """
    mean = (mean_daily_nano or 0) * _BUSY_HOURS // _TEN_MINUTES_A_DAY
    margin = max(_LEAST_MARGIN_NANO, mean, power_w * _NANO_PER_WATT)
    return min((one / margin for one in left if one > 0), default=None)
