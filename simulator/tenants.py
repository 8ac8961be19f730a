"""The mall's tenants (商户): one person a shop, with a phone that is bound to the shop's account."""

from dataclasses import dataclass, replace

from backend.context import Caller, CallerKind, Context
from backend.models.accounts import Account
from backend.models.site import Shop
from backend.services.bindings import issue_binding_code
from simulator.mall import Mall
from simulator.phone import Phone
from simulator.wechat_world import WechatWorld

CONSENTS = 5  # Subscribe messages of each template that a newly bound tenant allows.


@dataclass
class Tenant:
    """A shop's person. account_id is text, as the phone knows it."""

    shop: str
    account_id: str
    serial: str
    phone: Phone


Tenants = dict[str, Tenant]


async def settle_in(ctx: Context, site_id: int, mall: Mall, world: WechatWorld) -> Tenants:
    """Let every shop's person sign in, bind the shop and allow messages, all by the real API."""
    clerk = replace(
        ctx,
        caller=Caller(
            CallerKind.STAFF, 1, site_id, name="前台", permissions=frozenset({"staff.binding_code"})
        ),
    )
    serials = {meter.spec.shop: serial for serial, meter in mall.meters.items() if meter.spec.shop}
    tenants: Tenants = {}
    for number, shop in enumerate(mall.shops, start=1):
        row = await Shop.get(site_id=site_id, code=shop.code)
        account = await Account.get(shop_id=row.id)
        person = world.people.meet(f"商户{number:03d}", phone=f"139000{number:05d}", follows=True)
        phone = world.phone(person)
        await phone.sign_in()
        await phone.bind(await issue_binding_code(clerk, account.id))
        templates = world.keys.names.mini_program.templates
        for _ in range(CONSENTS):
            await phone.allow(sorted(set(templates.values()))[:3])
        tenants[shop.code] = Tenant(shop.code, str(account.id), serials[shop.code], phone)
    return tenants
