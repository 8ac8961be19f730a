"""Whose figures are counted (统计范围): shops but the practice shop, meters by shaft and floor."""

from collections.abc import Sequence

from msgspec import Struct

from backend.reports.port import Asked
from backend.store import rows

_ACCOUNTS_SQL = """
SELECT a.id, a.settled_fen, sh.code, sh.name, sh.floor, sh.practice
FROM account a JOIN shop sh ON sh.id = a.shop_id WHERE a.site_id = ? ORDER BY sh.code, a.id"""
_METERS_SQL = """
SELECT m.id, m.serial, m.kind, m.place, m.account_id, m.retired_at, l.id AS line_id, l.code AS line_code,
 g.id AS gateway_id, g.name AS gateway_name, s.id AS shaft_id, s.name AS shaft_name
FROM meter m JOIN line l ON l.id = m.line_id JOIN gateway g ON g.id = l.gateway_id
JOIN shaft s ON s.id = g.shaft_id WHERE m.site_id = ? ORDER BY s.code, l.code, m.unit, m.id"""


class AccountFacts(Struct, frozen=True):
    account_id: int
    settled_fen: int
    code: str
    name: str
    floor: str
    practice: bool

    @property
    def ledger_account(self) -> str:
        return f"balance:{self.account_id}"


class MeterPlace(Struct, frozen=True):
    meter_id: int
    serial: str
    is_public: bool
    place: str
    account_id: int | None
    is_retired: bool
    line_id: int
    line_code: str
    gateway_id: int
    gateway_name: str
    shaft_id: int
    shaft_name: str


class Scope(Struct, frozen=True):
    """Accounts and meters that a question is about.

    is_all: the whole mall. practice: accounts that no report counts.
    """

    accounts: dict[int, AccountFacts]
    meters: dict[int, MeterPlace]
    practice: tuple[int, ...]
    is_all: bool

    def meters_of(self, *, public: bool) -> list[int]:
        return [one.meter_id for one in self.meters.values() if one.is_public is public]

    def name_of(self, meter: MeterPlace) -> str:
        """Return the shop, or the place of a meter in the public area."""
        account = self.accounts.get(meter.account_id or 0)
        return f"{account.code} {account.name}" if account else meter.place or "未挂商铺"


async def scope_of(asked: Asked) -> Scope:
    """Read the accounts and meters in scope. A shop hangs in each shaft in which it has a meter."""
    found = [
        AccountFacts(
            account_id=int(row["id"]),
            settled_fen=int(row["settled_fen"]),
            code=row["code"],
            name=row["name"],
            floor=row["floor"],
            practice=bool(row["practice"]),
        )
        for row in await rows(_ACCOUNTS_SQL, [asked.site_id])
    ]
    practice = tuple(one.account_id for one in found if one.practice)
    accounts = {one.account_id: one for one in found if not one.practice}
    meters = {one.meter_id: one for one in await _meters(asked) if one.account_id not in practice}
    is_all = asked.shaft_id is None and asked.floor is None and asked.meter_id is None
    if asked.meter_id is not None:
        meters = {key: one for key, one in meters.items() if key == asked.meter_id}
    if asked.shaft_id is not None:
        meters = {key: one for key, one in meters.items() if one.shaft_id == asked.shaft_id}
        hanging = {one.account_id for one in meters.values()}
        accounts = {key: one for key, one in accounts.items() if key in hanging}
    if asked.floor is not None:
        accounts = {key: one for key, one in accounts.items() if one.floor == asked.floor}
        meters = {
            key: one
            for key, one in meters.items()
            if one.account_id in accounts or (one.account_id is None and _is_on(one, asked.floor))
        }
    return Scope(accounts, meters, practice, is_all)


def _is_on(meter: MeterPlace, floor: str) -> bool:
    """Tell whether a public meter's place begins with a floor, "1F 照明": it has no other."""
    return bool(floor) and meter.place.upper().split(" ")[0] == floor.upper()


async def _meters(asked: Asked) -> list[MeterPlace]:
    return [
        MeterPlace(
            meter_id=int(row["id"]),
            serial=row["serial"],
            is_public=row["kind"] == "public",
            place=row["place"],
            account_id=None if row["account_id"] is None else int(row["account_id"]),
            is_retired=row["retired_at"] is not None,
            line_id=int(row["line_id"]),
            line_code=row["line_code"],
            gateway_id=int(row["gateway_id"]),
            gateway_name=row["gateway_name"],
            shaft_id=int(row["shaft_id"]),
            shaft_name=row["shaft_name"],
        )
        for row in await rows(_METERS_SQL, [asked.site_id])
    ]


def in_list(values: Sequence[object]) -> str:
    """Return "(?,?,…)"; of nothing a list that holds nothing."""
    return f"({','.join('?' * len(values))})" if values else "(NULL)"
