"""Load a site file into the database (站点导入). Loading it again changes only what differs."""

import hashlib
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import Struct
from tortoise.models import Model

from backend.context import Context
from backend.domain.transformers import EnergySide, Transformers
from backend.errors import Refused
from backend.models.accounts import Account, Contact
from backend.models.audit import AuditRecord
from backend.models.meters import Meter, MeterChange, MeterKind, MeterState
from backend.models.site import Gateway, Line, PolicyChange, Shaft, Shop, Site
from backend.models.tariffs import Tariff, TariffVersion
from backend.services.meter_secrets import Control, open_control, resealed
from backend.services.site_meters import begin_again, make_rows
from backend.services.site_parts import (
    GatewayPart,
    LinePart,
    MeterPart,
    ShopPart,
    SiteFile,
    TariffPart,
    overdraft_fen,
    tariff_version,
)
from backend.services.site_plan import renew_plan
from backend.services.site_policy import SitePolicy
from backend.services.terms import CHANGE_TERMS, terms_of
from backend.store import unit_of_work

M = TypeVar("M", bound=Model)
_HOW_METERS_ARE_READ = ("poll_interval_s", "electrical_interval_s", "power_gap_s")


class RatioInForce(Refused):
    code = "ratio_in_force"
    message = "表 {serial} 已有抄表数据，变比不能由站点文件更改：请在系统中申请，由另一人审批"


class OwnerInForce(Refused):
    code = "owner_in_force"
    message = "表 {serial} 正在为另一商铺计费，不能由站点文件改换商铺：请先换表或销户"


class UnitTaken(Refused):
    code = "unit_taken"
    message = "表 {serial}：总线 {line} 上的地址 {unit} 已用于表 {taken}，请核对站点文件"


class Loaded(Struct, frozen=True):
    """How many rows the file names, and how many of them were new.

    replaced: serials of the file in whose place another meter hangs now; the file is older than that.
    """

    site_id: int
    shafts: int
    lines: int
    meters: int
    shops: int
    made: int
    replaced: tuple[str, ...] = ()


async def load_site(ctx: Context, file: SiteFile) -> Loaded:
    """Make the database as the file says, in one transaction. Nothing that it does not name is touched.

    Meters and shops that the file no longer names stay: taking something out is a person's decision. What
    was taken out and is named again comes back, except a meter that was replaced by another one (换表).

    Errors: RatioInForce, OwnerInForce (of a meter that counts already), UnitTaken.
    """
    return await unit_of_work(lambda: _Loader(ctx, file).load(), "site_load")


class _Loader:
    def __init__(self, ctx: Context, file: SiteFile) -> None:
        self.ctx = ctx
        self.file = file
        self.policy = SitePolicy()
        self.is_set_by_staff = False
        self.made = 0
        self.replaced: list[str] = []

    async def load(self) -> Loaded:
        file = self.file
        site = await self._site()
        tariffs = {part.code: await self._tariff(site, part) for part in file.tariffs}
        accounts = {part.code: await self._shop(site, part, tariffs[part.tariff]) for part in file.shops}
        meters = lines = 0
        for shaft_part in file.shafts:
            shaft = await self._put(
                Shaft,
                {"site_id": site.id, "code": shaft_part.code},
                {"name": shaft_part.name, "removed_at": None},
            )
            for gateway_part in shaft_part.gateways:
                gateway = await self._gateway(site, shaft, gateway_part)
                for line_part in gateway_part.lines:
                    line = await self._line(site, gateway, line_part)
                    lines += 1
                    for meter_part in line_part.meters:
                        await self._meter(site, line, meter_part, accounts)
                        meters += 1
        await renew_plan(self.ctx, site.id)
        return Loaded(
            site.id, len(file.shafts), lines, meters, len(file.shops), self.made, tuple(self.replaced)
        )

    async def _site(self) -> Site:
        part = self.file.site
        known = await Site.filter(code=part.code).first()
        values = {"name": part.name, "demo": part.demo}
        policy = msgspec.to_builtins(self.file.policy)
        self.is_set_by_staff = known is not None and await _is_set_by_staff(known)
        if self.is_set_by_staff:
            # The staff have set the policy since: the file still says how meters are read, and no more.
            policy = {name: policy[name] for name in _HOW_METERS_ARE_READ}
        before = SitePolicy() if known is None else msgspec.json.decode(known.policy, type=SitePolicy)
        self.policy = msgspec.structs.replace(before, **policy)
        return await self._put(
            Site, {"code": part.code}, {**values, "policy": msgspec.json.encode(self.policy).decode()}
        )

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
        terms: dict[str, Any] = {"tariff_id": tariff.id, "armed": part.armed}
        # What the file does not name stays as the staff set it.
        limits = {"power_limit_w": part.power_limit_w, "night_limit_w": part.night_limit_w}
        terms |= {name: limit_w for name, limit_w in limits.items() if limit_w is not None}
        key = {"site_id": site.id, "shop_id": shop.id, "closed_at": None}
        account = await Account.filter(**key).first()
        now = self.ctx.clock.now()
        is_new = account is None
        if account is None:
            terms |= terms_of(self.policy)
            account = await Account.create(id=self.ctx.ids.new(), opened_at=now, **key, **terms)
            self.made += 1
        else:
            await _change(account, terms)
        own_fen = overdraft_fen(part)
        if own_fen is not None and (is_new or not self.is_set_by_staff):
            own = [] if own_fen == self.policy.overdraft_fen else ["overdraft_fen"]
            await _change(account, {"overdraft_fen": own_fen, "own_terms": msgspec.json.encode(own).decode()})
        for contact in part.contacts:
            row = await self._put(
                Contact,
                {"account_id": account.id, "phone": contact.phone},
                {"name": contact.name, "removed_at": None},
            )
            if contact.verified and row.verified_at is None:
                row.verified_at = now
                await row.save(update_fields=["verified_at"])
        return account

    async def _gateway(self, site: Site, shaft: Shaft, part: GatewayPart) -> Gateway:
        values = {"name": part.name, "host": part.host, "shaft_id": shaft.id, "removed_at": None}
        return await self._put(Gateway, {"site_id": site.id, "code": part.code}, values)

    async def _line(self, site: Site, gateway: Gateway, part: LinePart) -> Line:
        values = {
            "gateway_id": gateway.id,
            "port": part.port,
            "protocol": part.protocol,
            "baud": part.baud,
            "parity": part.parity,
            "gateway_timeout_ms": round(part.gateway_timeout_s * 1000),
            "device": part.device,
            "removed_at": None,
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
            "pt_ratio": part.pt_ratio,
            "energy_side": EnergySide(part.energy_side),
            "address": part.address,
            "rated_power_w": part.rated_power_w,
            "status_block_at": part.status_block_at,
            "permit": part.permit,
            "place": part.place,
            "account_id": account.id if account else None,
        }
        key = {"site_id": site.id, "serial": part.serial}
        known = await Meter.filter(**key).first()
        if known is not None and await _is_replaced(known):
            self.replaced.append(part.serial)
            return
        is_anew = False
        if known is not None:
            await _need_same_ratio(known, part)
            await _need_same_owner(known, account)
            is_anew = known.retired_at is not None or known.account_id != values["account_id"]
        await _need_unit(line, part, known)
        meter = await self._put(Meter, key, {**values, "retired_at": None})
        await self._control(meter, part)
        await make_rows(site.id, meter)
        if is_anew:
            await begin_again(meter)

    async def _control(self, meter: Meter, part: MeterPart) -> None:
        """Seal what the file says of the meter's password and operator; what it leaves out stays."""
        key = self.ctx.settings.secret_key
        before = open_control(key, meter.id, meter.control_sealed)
        control = Control(
            (part.control_password or before.password).upper(), (part.operator or before.operator).upper()
        )
        sealed = resealed(key, meter.id, meter.control_sealed, control, self.ctx.random)
        await _change(meter, {"control_sealed": sealed})

    async def _put(self, table: type[M], key: Mapping[str, Any], values: Mapping[str, Any]) -> M:
        """Find a row by its key, or make it; then let its other columns say what the file says."""
        row = await table.filter(**key).first()
        if row is None:
            self.made += 1
            return await table.create(id=self.ctx.ids.new(), **key, **values)
        await _change(row, values)
        return row


async def _is_set_by_staff(site: Site) -> bool:
    """Tell whether people have changed the policy, or one shop's terms, since the file was first loaded."""
    if await PolicyChange.exists(site_id=site.id):
        return True
    return await AuditRecord.exists(site_id=site.id, operation=CHANGE_TERMS)


async def _need_same_ratio(meter: Meter, part: MeterPart) -> None:
    """Refuse another ratio for a meter that counts already: two people change it, from a reading on."""
    asked = Transformers(part.ct_ratio, part.pt_ratio, EnergySide(part.energy_side))
    if asked == meter.transformers:
        return
    if meter.retired_at is None and await MeterState.exists(meter_id=meter.id, read_at__isnull=False):
        raise RatioInForce(serial=part.serial)


async def _need_same_owner(meter: Meter, account: Account | None) -> None:
    """Refuse to take a meter from an open account: its energy would be charged to somebody else."""
    if meter.account_id is None or (account is not None and account.id == meter.account_id):
        return
    if await Account.exists(id=meter.account_id, closed_at=None):
        raise OwnerInForce(serial=meter.serial)


async def _need_unit(line: Line, part: MeterPart, known: Meter | None) -> None:
    taken = await Meter.filter(line_id=line.id, unit=part.unit).first()
    if taken is not None and (known is None or taken.id != known.id):
        raise UnitTaken(serial=part.serial, line=line.code, unit=part.unit, taken=taken.serial)


async def _is_replaced(meter: Meter) -> bool:
    """Tell whether a meter was taken off because another one follows it, and nothing else since."""
    if meter.retired_at is None:
        return False
    return await MeterChange.exists(old_meter_id=meter.id, done_at__gte=meter.retired_at)


async def _change(row: Model, values: Mapping[str, Any]) -> None:
    changed = [name for name, value in values.items() if getattr(row, name) != value]
    for name in changed:
        setattr(row, name, values[name])
    if changed:
        await row.save(update_fields=changed)
