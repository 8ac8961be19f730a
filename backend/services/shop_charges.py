"""How energy became money (计费公式): registers, ratio, periods, versions, components, to the nanoyuan.

Read from the accruals as they were priced: nothing is priced again here, the tariff only says what the parts
are called and what a kWh cost in each period.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from msgspec import Struct

from backend.domain.tariffs import Period, TariffVersion, price_microyuan_per_kwh
from backend.models.accounts import Account
from backend.services.ledger_words import COMPONENT_WORDS
from backend.services.readings_store import COMPONENTS, at_ms
from backend.services.show_usage import day_of
from backend.services.tariff_book import versions_by_tariff
from backend.store import rows
from backend.store_rows import marks

Row = dict[str, Any]
_PERIODS = {
    Period.SHARP: "sharp_wh",
    Period.PEAK: "peak_wh",
    Period.FLAT: "flat_wh",
    Period.VALLEY: "valley_wh",
    Period.DEEP_VALLEY: "deep_valley_wh",
}
_SQL = """
SELECT c.*, m.serial, m.ct_ratio, m.pt_ratio, m.energy_side FROM accrual c JOIN meter m ON m.id = c.meter_id
WHERE c.account_id = ? AND """


class PeriodPart(Struct, frozen=True, kw_only=True):
    """Energy of one period with its price; None where several versions were in force."""

    period: str
    energy_wh: int
    price_microyuan_per_kwh: int | None
    cost_nano: int | None


class ComponentPart(Struct, frozen=True, kw_only=True):
    """What a part of the price came to, exactly. In whole fen it stands in the entry's legs."""

    kind: str
    name: str
    nano: int


class VersionView(Struct, frozen=True, kw_only=True):
    version_id: str
    valid_from: datetime | None


class ChargePart(Struct, frozen=True, kw_only=True):
    """One bucket of one meter's charge day. `formula_ties`: the parts sum to the total, exactly."""

    meter_id: str
    serial: str
    charge_on: date
    revision: int
    entry_id: str | None  # None: not charged yet.
    from_at: datetime
    to_at: datetime
    from_register_wh: int
    to_register_wh: int
    ratio: int | None  # None: it changed on the way; the energy is the sum of both parts.
    energy_wh: int
    periods: list[PeriodPart]
    components: list[ComponentPart]
    versions: list[VersionView]
    total_nano: int
    estimated: bool
    formula_ties: bool


async def charges_of_entries(account: Account, entry_ids: Sequence[int]) -> dict[int, list[ChargePart]]:
    """Return the buckets that entries of an account charged, by entry."""
    found = await rows(
        f"{_SQL} c.entry_id IN ({marks(entry_ids)}) ORDER BY c.meter_id, c.charge_on, c.revision",
        [account.id, *entry_ids],
    )
    parts: dict[int, list[ChargePart]] = {}
    for row, part in zip(found, await _parts(account, found), strict=True):
        parts.setdefault(int(row["entry_id"]), []).append(part)
    return parts


async def charges_of_day(account: Account, charge_on: int) -> list[ChargePart]:
    """Return the buckets of one charge day (20261122), charged or not, by meter and revision."""
    found = await rows(f"{_SQL} c.charge_on = ? ORDER BY m.serial, c.revision", [account.id, charge_on])
    return await _parts(account, found)


async def _parts(account: Account, found: Iterable[Row]) -> list[ChargePart]:
    by_tariff = await versions_by_tariff(account.site_id)
    versions = {one.version_id: one for listed in by_tariff.values() for one in listed}
    return [_part(row, versions) for row in found]


def _part(row: Row, versions: Mapping[str, TariffVersion]) -> ChargePart:
    ids = [one for one in str(row["versions"]).split(",") if one]
    used = [versions[one] for one in ids if one in versions]
    only = used[0] if len(used) == len(ids) == 1 else None
    energy_wh, total = int(row["energy_wh"]), int(row["total_nano"])
    periods = [
        _period(period, int(row[column]), only) for period, column in _PERIODS.items() if int(row[column])
    ]
    components = _components(row, used)
    # What tiers add is no price of a period: it is a part of its own.
    tier = int(row["tier_nano"])
    priced = sum(part.cost_nano or 0 for part in periods) + tier if only is not None else total
    rise_wh = int(row["to_register_wh"]) - int(row["from_register_wh"])
    ratio = energy_wh // rise_wh if rise_wh > 0 and energy_wh % rise_wh == 0 else None
    return ChargePart(
        meter_id=str(row["meter_id"]),
        serial=row["serial"],
        charge_on=day_of(int(row["charge_on"])),
        revision=int(row["revision"]),
        entry_id=None if row["entry_id"] is None else str(row["entry_id"]),
        from_at=at_ms(int(row["from_ms"])),
        to_at=at_ms(int(row["to_ms"])),
        from_register_wh=int(row["from_register_wh"]),
        to_register_wh=int(row["to_register_wh"]),
        ratio=ratio,
        energy_wh=energy_wh,
        periods=periods,
        components=components,
        versions=[
            VersionView(version_id=one, valid_from=versions[one].valid_from if one in versions else None)
            for one in ids
        ],
        total_nano=total,
        estimated=bool(row["estimated"]),
        formula_ties=(
            priced == total
            and sum(part.nano for part in components) == total
            and sum(part.energy_wh for part in periods) == energy_wh
        ),
    )


def _period(period: Period, energy_wh: int, version: TariffVersion | None) -> PeriodPart:
    price = None if version is None else price_microyuan_per_kwh(version, period)
    return PeriodPart(
        period=period.value,
        energy_wh=energy_wh,
        price_microyuan_per_kwh=price,
        cost_nano=None if price is None else energy_wh * price,
    )


def _components(row: Row, used: Sequence[TariffVersion]) -> list[ComponentPart]:
    names = {part.kind.value: part.name for version in used for part in version.components}
    names = {kind.value: words for kind, words in COMPONENT_WORDS.items()} | names
    nano = [(column.removesuffix("_nano").upper(), int(row[column])) for column in COMPONENTS]
    return [ComponentPart(kind=kind, name=names.get(kind, kind), nano=value) for kind, value in nano if value]
