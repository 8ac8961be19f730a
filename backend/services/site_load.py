"""Load a site file into the database (站点导入). Loading it again changes only what differs."""

import hashlib
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import Struct
from tortoise.models import Model

from backend.context import Context
from backend.models.accounts import Account, Contact
from backend.models.meters import Meter, MeterKind, MeterState
from backend.models.site import Gateway, Line, Shaft, Shop, Site
from backend.models.supply import Supply
from backend.models.tariffs import Tariff, TariffVersion
from backend.services.site_file import (
    GatewayPart,
    LinePart,
    MeterPart,
    ShopPart,
    SiteFile,
    TariffPart,
    overdraft_fen,
    tariff_version,
)
from backend.services.site_policy import SitePolicy
from backend.services.work import wake
from backend.store import unit_of_work

M = TypeVar("M", bound=Model)


class Loaded(Struct, frozen=True):
    """How many rows the file names, and how many of them were new."""

    site_id: int
    shafts: int
    lines: int
    meters: int
    shops: int
    made: int


async def load_site(ctx: Context, file: SiteFile) -> Loaded:
    """Make the database as the file says, in one transaction. Nothing that it does not name is touched.

    Meters and shops that the file no longer names stay: taking something out is a person's decision.
    """
    return await unit_of_work(lambda: _Loader(ctx, file).load(), "site_load")


class _Loader:
    def __init__(self, ctx: Context, file: SiteFile) -> None:
        self.ctx = ctx
        self.file = file
        self.made = 0

    async def load(self) -> Loaded:
        file = self.file
        site = await self._site()
        tariffs = {part.code: await self._tariff(site, part) for part in file.tariffs}
        accounts = {part.code: await self._shop(site, part, tariffs[part.tariff]) for part in file.shops}
        meters = lines = 0
        for shaft_part in file.shafts:
            shaft = await self._put(
                Shaft, {"site_id": site.id, "code": shaft_part.code}, {"name": shaft_part.name}
            )
            for gateway_part in shaft_part.gateways:
                gateway = await self._gateway(site, shaft, gateway_part)
                for line_part in gateway_part.lines:
                    line = await self._line(site, gateway, line_part)
                    lines += 1
                    for meter_part in line_part.meters:
                        await self._meter(site, line, meter_part, accounts)
                        meters += 1
        content = msgspec.json.encode([file.shafts, file.policy])
        site.plan_version = hashlib.sha256(content).hexdigest()[:16]
        await site.save(update_fields=["plan_version"])
        wake(self.ctx, f"desired:{site.id}")
        return Loaded(site.id, len(file.shafts), lines, meters, len(file.shops), self.made)

    async def _site(self) -> Site:
        part, policy = self.file.site, self.file.policy
        kept = SitePolicy(
            delay_s=policy.delay_s,
            no_trip_windows=policy.no_trip_windows,
            no_trip_weekends=policy.no_trip_weekends,
            holidays=policy.holidays,
            poll_interval_s=policy.poll_interval_s,
        )
        values = {"name": part.name, "demo": part.demo, "policy": msgspec.json.encode(kept).decode()}
        return await self._put(Site, {"code": part.code}, values)

    async def _tariff(self, site: Site, part: TariffPart) -> Tariff:
        tariff = await self._put(Tariff, {"site_id": site.id, "code": part.code}, {"name": part.name})
        for version_part in part.versions:
            wanted = tariff_version(version_part, "-")
            content = msgspec.json.encode(wanted)
            digest = hashlib.sha256(content).hexdigest()
            key = {"tariff_id": tariff.id, "valid_from": wanted.valid_from, "digest": digest}
            if not await TariffVersion.exists(**key):
                version_id = self.ctx.ids.new()
                stored = msgspec.structs.replace(wanted, version_id=str(version_id))
                await TariffVersion.create(id=version_id, content=msgspec.json.encode(stored).decode(), **key)
                self.made += 1
        return tariff

    async def _shop(self, site: Site, part: ShopPart, tariff: Tariff) -> Account:
        values = {"name": part.name, "floor": part.floor, "shop_class": part.shop_class}
        shop = await self._put(Shop, {"site_id": site.id, "code": part.code}, values)
        terms = {
            "tariff_id": tariff.id,
            "overdraft_fen": overdraft_fen(part),
            "power_limit_w": part.power_limit_w,
            "armed": part.armed,
        }
        key = {"site_id": site.id, "shop_id": shop.id, "closed_at": None}
        account = await Account.filter(**key).first()
        now = self.ctx.clock.now()
        if account is None:
            account = await Account.create(id=self.ctx.ids.new(), opened_at=now, **key, **terms)
            self.made += 1
        else:
            await _change(account, terms)
        for contact in part.contacts:
            row = await self._put(
                Contact, {"account_id": account.id, "phone": contact.phone}, {"name": contact.name}
            )
            if contact.verified and row.verified_at is None:
                row.verified_at = now
                await row.save(update_fields=["verified_at"])
        return account

    async def _gateway(self, site: Site, shaft: Shaft, part: GatewayPart) -> Gateway:
        values = {"name": part.name, "host": part.host, "shaft_id": shaft.id}
        return await self._put(Gateway, {"site_id": site.id, "code": part.code}, values)

    async def _line(self, site: Site, gateway: Gateway, part: LinePart) -> Line:
        values = {
            "gateway_id": gateway.id,
            "port": part.port,
            "protocol": part.protocol,
            "baud": part.baud,
            "parity": part.parity,
            "gateway_timeout_ms": round(part.gateway_timeout_s * 1000),
        }
        return await self._put(Line, {"site_id": site.id, "code": part.code}, values)

    async def _meter(self, site: Site, line: Line, part: MeterPart, accounts: dict[str, Account]) -> None:
        account = accounts.get(part.shop)
        values = {
            "line_id": line.id,
            "unit": part.unit,
            "kind": MeterKind(part.kind),
            "profile": part.profile,
            "ct_ratio": part.ct_ratio,
            "rated_power_w": part.rated_power_w,
            "status_block_at": part.status_block_at,
            "permit": part.permit,
            "place": part.place,
            "account_id": account.id if account else None,
        }
        meter = await self._put(Meter, {"site_id": site.id, "serial": part.serial}, values)
        links = {"site_id": site.id, "account_id": meter.account_id}
        for table in (MeterState, Supply) if meter.kind is MeterKind.PREPAID else (MeterState,):
            if not await table.exists(meter_id=meter.id):
                await table.create(meter_id=meter.id, **links)

    async def _put(self, table: type[M], key: Mapping[str, Any], values: Mapping[str, Any]) -> M:
        """Find a row by its key, or make it; then let its other columns say what the file says."""
        row = await table.filter(**key).first()
        if row is None:
            self.made += 1
            return await table.create(id=self.ctx.ids.new(), **key, **values)
        await _change(row, values)
        return row


async def _change(row: Model, values: Mapping[str, Any]) -> None:
    changed = [name for name, value in values.items() if getattr(row, name) != value]
    for name in changed:
        setattr(row, name, values[name])
    if changed:
        await row.save(update_fields=changed)
