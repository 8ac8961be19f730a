"""Sales by day and month (售电日报、售电月报), by cashier, by shop: each channel, reversals, refunds."""

from collections.abc import Sequence
from datetime import date

from msgspec import structs

from backend.reports.port import Asked, Column, Figure, Group, Report, Row, Series, Sheet, Tie, Unit, page_of
from backend.reports.sales_detail import detail
from backend.reports.sales_sums import BY_PHONE, Taking, channel_sums, channels_of, takings
from backend.reports.scope import Scope, scope_of
from backend.reports.spans import DAY, before, begin_of, days_of, end_of, months_of, until
from backend.reports.words import channel_word
from backend.store import rows
from common.clock import local_midnight

_GROUPS = (Group("cashier", "按收银员"), Group("shop", "按商铺"))
_FIRST = {"day": "日期", "month": "月份", "cashier": "收银员", "shop": "商铺"}
_NOTES = [
    "按入账时间统计；收款合计 = 各支付方式之和，净收款 = 收款合计 + 冲正 + 退费。",
    "冲正计入冲正当日，归原收款人名下；练习商铺不计入。",
]


async def _show(asked: Asked, period: str) -> Sheet:
    group = asked.group or period
    scope = await scope_of(asked)
    begin_at, end_at = begin_of(asked), end_of(asked)
    bucket = "day" if group == "month" else group
    found = await takings(asked, scope, begin_at, end_at, bucket)
    apart = await channel_sums(asked, scope, begin_at, end_at)
    past_on = before(asked.from_on, asked.to_on)
    past_at = local_midnight(past_on[0]), local_midnight(past_on[1] + DAY)
    past = await takings(asked, scope, *past_at, bucket)
    channels = channels_of([*found, *apart])
    names = await _names(asked, scope, group, [*found, *past])
    then = _past_keys(asked, group, past_on, names)
    listed: list[Row] = []
    for key, name in names.items():
        mine = [one for one in found if _key(one, group) == key]
        gone = [one for one in past if _key(one, group) == then.get(key, "-")]
        listed.append([name, *_cells(mine, channels), _net(gone)])
    totals: Row = ["合计", *_cells(apart, channels), _net(past)]
    return Sheet(
        from_on=asked.from_on,
        to_on=asked.to_on,
        columns=_columns(group, channels),
        rows=page_of(asked, listed),
        totals=totals,
        row_count=len(listed),
        figure=_figure(group, channels, listed),
        data_until_at=until(asked),
        ties=[
            Tie("净收款", Unit.FEN, sum(_number(row[-2]) for row in listed), _net(apart), "总账收款科目"),
            Tie(
                "收款笔数",
                Unit.COUNT,
                sum(_number(row[1 + len(channels)]) for row in listed),
                _number(totals[1 + len(channels)]),
                "总账收款科目",
            ),
        ],
        notes=_NOTES,
    )


async def _by_day(asked: Asked) -> Sheet:
    return await _show(asked, "day")


async def _by_month(asked: Asked) -> Sheet:
    return await _show(asked, "month")


def _columns(group: str, channels: Sequence[str]) -> list[Column]:
    return [
        Column("bucket", _FIRST[group]),
        *(Column(one, channel_word(one), Unit.FEN, "收款") for one in channels),
        Column("count", "收款笔数", Unit.COUNT, "收款"),
        Column("gross_fen", "收款合计", Unit.FEN, "收款"),
        Column("reversed_count", "冲正笔数", Unit.COUNT, "冲正"),
        Column("reversed_fen", "冲正金额", Unit.FEN, "冲正"),
        Column("refunded_fen", "退费", Unit.FEN),
        Column("net_fen", "净收款", Unit.FEN),
        Column("past_fen", "上期净收款", Unit.FEN),
    ]


def _cells(found: Sequence[Taking], channels: Sequence[str]) -> Row:
    paid = [one for one in found if one.kind == "TOP_UP"]
    back = [one for one in found if one.kind == "REVERSAL"]
    refunds = [one for one in found if one.kind == "REFUND"]
    return [
        *(sum(one.fen for one in paid if one.channel == channel) for channel in channels),
        sum(one.count for one in paid),
        sum(one.fen for one in paid),
        sum(one.count for one in back),
        sum(one.fen for one in back),
        sum(one.fen for one in refunds),
        _net(found),
    ]


def _net(found: Sequence[Taking]) -> int:
    return sum(one.fen for one in found)


def _key(one: Taking, group: str) -> str:
    return one.bucket[:7] if group == "month" else one.bucket


async def _names(asked: Asked, scope: Scope, group: str, found: Sequence[Taking]) -> dict[str, str]:
    """Return what the rows are called, in their order: each day and month, whoever and whatever has money."""
    if group == "day":
        return {day.isoformat(): day.isoformat() for day in days_of(asked.from_on, asked.to_on)}
    if group == "month":
        return {month: month for month in months_of(asked.from_on, asked.to_on)}
    if group == "shop":
        shops = {one.ledger_account: f"{one.code} {one.name}" for one in scope.accounts.values()}
        keys = {one.bucket for one in found}
        listed = {key: name for key, name in shops.items() if key in keys}
        return listed | dict.fromkeys(sorted(keys - listed.keys()), "未知账户")
    ids = sorted({one.bucket for one in found} - {BY_PHONE})
    named = {
        str(row["id"]): row["name"]
        for row in await rows("SELECT id, name FROM staff WHERE site_id = ?", [asked.site_id])
    }
    return {key: named.get(key, f"工号 {key}") for key in ids} | (
        {BY_PHONE: "商户自助（微信）"} if any(one.bucket == BY_PHONE for one in found) else {}
    )


def _past_keys(asked: Asked, group: str, past_on: tuple[date, date], names: dict[str, str]) -> dict[str, str]:
    """Say which bucket of the period before stands beside each: by place, or by name."""
    if group == "day":
        now, then = days_of(asked.from_on, asked.to_on), days_of(*past_on)
        pairs = zip(now, then, strict=False)
        return {one.isoformat(): other.isoformat() for one, other in pairs}
    if group == "month":
        return dict(zip(months_of(asked.from_on, asked.to_on), months_of(*past_on), strict=False))
    return {key: key for key in names}


def _figure(group: str, channels: Sequence[str], listed: Sequence[Row]) -> Figure:
    shown = list(listed)
    if group in ("cashier", "shop"):
        shown = sorted(shown, key=lambda row: -_number(row[-2]))[:20]
    bars = [
        Series(
            channel_word(channel),
            Unit.FEN,
            [_number(row[1 + number]) for row in shown],
            stack="channel",
        )
        for number, channel in enumerate(channels)
    ]
    lines = [Series("上期净收款", Unit.FEN, [_number(row[-1]) for row in shown], line=True)]
    title = "收款金额（元）" if group in ("day", "month") else "收款金额前 20（元）"
    return Figure(title, [str(row[0]) for row in shown], [*bars, *lines])


def _number(cell: str | int | None) -> int:
    return cell if isinstance(cell, int) else 0


BY_DAY = Report(
    kind="sales-by-day",
    title="售电日报",
    permission="staff.report.sales",
    groups=(Group("day", "按日"), *_GROUPS),
    show=_by_day,
    detail=detail,
)
BY_MONTH = structs.replace(
    BY_DAY, kind="sales-by-month", title="售电月报", groups=(Group("month", "按月"), *_GROUPS), show=_by_month
)
