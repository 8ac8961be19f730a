"""Who a request comes from, through the one way into the backend: cookies, tokens, rights, ends."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from backend.context import Caller, Context
from backend.edge import Edge
from backend.exchange import Answer, Request
from backend.handlers.staff import issue_binding_code, show_me, sign_out
from backend.handlers.staff import sign_in as staff_sign_in
from backend.handlers.tenant import bind
from backend.handlers.tenant import sign_in as tenant_sign_in
from backend.handlers.tenant import sign_out as tenant_sign_out
from backend.models.operations import Collector
from backend.models.people import Session
from backend.routing import Registry, Reply, no_content, registry
from backend.services.audit import left_record, verify_audits
from backend.services.authenticate import (
    COOKIE,
    STAFF_IDLE,
    STAFF_SESSION,
    TENANT_SESSION,
    authenticate,
    hash_token,
    standing_rights,
)
from backend.services.staff_admin import disable_staff, recut_role
from tests.people.conftest import OTHER_SITE, PASSWORD, SITE, People, some_settings

MODULES = {
    one.__name__
    for one in (bind, issue_binding_code, show_me, sign_out, staff_sign_in, tenant_sign_in, tenant_sign_out)
}
ME = "/api/v1/staff/me"
PLAN = "/api/v1/collector/plan-for-tests"
collectors = Registry()


@collectors.get(PLAN, permission="collector")
async def plan(ctx: Context) -> Reply[None]:
    return no_content(("X-Caller", ctx.caller.name))


class Client:
    """Talks to the edge as a browser, a phone or a collector does; every audited call must leave a record."""

    def __init__(self, people: People, **changes: Any) -> None:
        own = [one for one in registry() if one.handler.__module__ in MODULES]
        self.edge = Edge(
            replace(people.ctx, caller=Caller(), **changes),
            authenticate,
            operations=[*own, *collectors.operations()],
            audit_check=lambda ctx, operation: left_record(ctx),
        )
        self.headers: dict[str, str] = {}

    async def __call__(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        sent = {"content-type": "application/json", **self.headers, **headers}
        raw = b"" if body is None else json.dumps(body).encode()
        return await self.edge.call(Request(method, path, headers=sent, body=raw, client_ip="10.0.0.5"))

    async def sign_in(self, username: str, totp: str = "") -> Answer:
        body = {"username": username, "password": PASSWORD, "totp": totp}
        answer = await self("POST", "/api/v1/staff/sessions", body)
        cookie = answer.header("set-cookie") or ""
        self.headers = {
            "cookie": cookie.partition(";")[0],
            "x-csrf-token": json.loads(answer.body)["csrf_token"],
        }
        return answer

    async def sign_in_phone(self, name: str) -> None:
        answer = await self("POST", "/api/v1/tenant/sign-in", {"code": f"phone-{name}"})
        self.headers = {"authorization": f"Bearer {json.loads(answer.body)['token']}"}


async def cashier(people: People) -> Client:
    await people.hire("chen", "cashier")
    client = Client(people)
    await client.sign_in("chen")
    return client


async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(people: People) -> None:
    await people.hire("chen", "cashier")

    answer = await Client(people).sign_in("chen")

    attributes = (answer.header("set-cookie") or "").split("; ")[1:]
    assert attributes == ["Path=/", "Max-Age=43200", "HttpOnly", "SameSite=Strict", "Secure"]


async def test_the_cookie_of_a_demo_goes_over_http(people: People) -> None:
    await people.hire("chen", "cashier")
    client = Client(people, settings=some_settings(demo=True))

    answer = await client("POST", "/api/v1/staff/demo-sessions", {"role": "cashier"})

    assert "Secure" not in (answer.header("set-cookie") or "Secure")


async def test_a_reloaded_page_gets_its_token_for_writes_again(people: People) -> None:
    client = await cashier(people)

    me = json.loads((await client("GET", ME)).body)

    assert me["csrf_token"] == client.headers["x-csrf-token"]
    assert (me["name"], me["roles"]) == ("Chen", ["cashier"])


async def test_a_write_without_the_pages_token_is_refused(people: People) -> None:
    client, account = await cashier(people), await people.account("A101")
    path = f"/api/v1/staff/accounts/{account.id}/binding-codes"

    statuses = [
        (await client("POST", path, **headers)).status
        for headers in ({"x-csrf-token": ""}, {"x-csrf-token": "0" * 64}, {})
    ]

    assert statuses == [403, 403, 201]


@pytest.mark.parametrize(
    "cookie", ["", "other=1", f"{COOKIE}=", f"{COOKIE}=wrong", f"{COOKIE}={'x' * 999}", f'{COOKIE}="\udcff"']
)
async def test_a_cookie_that_is_none_of_ours_is_nobody(people: People, cookie: str) -> None:
    assert (await Client(people)("GET", ME, cookie=cookie)).status == 401


async def test_signing_out_ends_the_session_and_removes_the_cookie(people: People) -> None:
    client = await cashier(people)

    answer = await client("DELETE", "/api/v1/staff/sessions/current")

    assert answer.status == 204
    assert f"{COOKIE}=; Path=/; Max-Age=0" in (answer.header("set-cookie") or "")
    assert (await client("GET", ME)).status == 401


@pytest.mark.mariadb
async def test_a_session_ends_after_two_idle_hours(people: People) -> None:
    client = await cashier(people)
    people.clock.advance(STAFF_IDLE.total_seconds() - 1)
    in_time = await client("GET", ME)
    people.clock.advance(STAFF_IDLE.total_seconds())

    assert (in_time.status, (await client("GET", ME)).status) == (200, 401)


async def test_a_session_in_use_ends_after_twelve_hours(people: People) -> None:
    client = await cashier(people)
    began = people.clock.now()
    while (await client("GET", ME)).status == 200:
        people.clock.advance(timedelta(hours=1).total_seconds())

    assert people.clock.now() - began == STAFF_SESSION


async def test_a_busy_session_is_written_every_five_minutes_at_most(people: People) -> None:
    client = await cashier(people)
    ends = set()
    for _ in range(20):
        people.clock.advance(60)
        await client("GET", ME)
        ends.add((await Session.all())[0].expires_at)

    assert len(ends) == 5


@pytest.mark.mariadb
async def test_a_recut_role_holds_at_the_next_call_and_in_open_pages(people: People) -> None:
    client, account = await cashier(people), await people.account("A101")
    admin = await people.staff("boss", "administrator")
    path = f"/api/v1/staff/accounts/{account.id}/binding-codes"
    session = await Session.get(subject_id=people.made["chen"].staff_id)
    page = replace(people.ctx, caller=replace(admin.caller, session_id=session.id))
    before = (await client("POST", path)).status, "staff.binding_code" in (await standing_rights(page) or ())

    await recut_role(admin, SITE, "cashier", ["staff.board"], "收回发码权限")

    after = (await client("POST", path)).status, await standing_rights(page)
    assert (before, after) == ((201, True), (403, frozenset({"staff.board"})))


async def test_a_disabled_person_is_out_at_once(people: People) -> None:
    client = await cashier(people)
    admin = await people.staff("boss", "administrator")
    session = await Session.get(subject_id=people.made["chen"].staff_id)
    page = replace(people.ctx, caller=replace(admin.caller, session_id=session.id))

    await disable_staff(admin, people.made["chen"].staff_id, "离职")

    assert (await client("GET", ME)).status == 401
    assert await standing_rights(page) is None


@pytest.mark.parametrize(
    ("role", "status"),
    [("cashier", 201), ("finance", 403), ("electrician", 403), ("manager", 201), ("administrator", 403)],
)
async def test_who_may_issue_a_binding_code(people: People, role: str, status: int) -> None:
    account = await people.account("A101")
    await people.hire("somebody", role)
    client = Client(people)
    await client.sign_in("somebody", people.totp("somebody"))

    answer = await client("POST", f"/api/v1/staff/accounts/{account.id}/binding-codes")

    assert answer.status == status


async def test_a_code_of_another_site_is_not_issued(people: People) -> None:
    client, account = await cashier(people), await people.account("B1", OTHER_SITE)

    assert (await client("POST", f"/api/v1/staff/accounts/{account.id}/binding-codes")).status == 404


@pytest.mark.mariadb
async def test_a_phone_signs_in_binds_and_signs_out(people: People) -> None:
    desk, account = await cashier(people), await people.account("A101")
    issued = json.loads((await desk("POST", f"/api/v1/staff/accounts/{account.id}/binding-codes")).body)
    phone = Client(people)
    await phone.sign_in_phone("anna")

    bound = await phone("POST", "/api/v1/tenant/bindings", {"code": issued["code"]})
    signed_out = await phone("DELETE", "/api/v1/tenant/sessions/current")
    afterwards = await phone("POST", "/api/v1/tenant/bindings", {"code": issued["code"]})

    assert json.loads(bound.body) == {"account_id": str(account.id)}
    assert (signed_out.status, afterwards.status) == (204, 401)
    assert await verify_audits(people.ctx.settings.ledger_key) == []


async def test_a_phones_session_lasts_thirty_days(people: People) -> None:
    phone = Client(people)
    await phone.sign_in_phone("anna")
    body = {"code": "none"}
    people.clock.advance(TENANT_SESSION.total_seconds() - 1)
    in_time = await phone("POST", "/api/v1/tenant/bindings", body)
    people.clock.advance(1)

    assert (in_time.status, (await phone("POST", "/api/v1/tenant/bindings", body)).status) == (409, 401)


async def test_a_wrong_code_is_answered_in_words(people: People) -> None:
    phone = Client(people)
    await phone.sign_in_phone("anna")

    answer = json.loads((await phone("POST", "/api/v1/tenant/bindings", {"code": "2222-2222"})).body)

    assert (answer["code"], answer["message"][:6]) == ("binding_code_wrong", "绑定码不正确")


async def test_a_phones_token_is_no_staff_session_and_no_collector(people: People) -> None:
    phone = Client(people)
    await phone.sign_in_phone("anna")
    token = phone.headers["authorization"].removeprefix("Bearer ")

    assert (await phone("GET", ME, cookie=f"{COOKIE}={token}")).status == 401
    assert (await phone("GET", PLAN)).status == 401


@pytest.mark.parametrize(("token", "status"), [("old", 204), ("new", 204), ("other", 401), ("", 401)])
async def test_a_collector_has_two_tokens_while_one_is_replaced(
    people: People, token: str, status: int
) -> None:
    await Collector.create(
        id=9, site_id=SITE, name="east", token_hash=hash_token("old"), next_token_hash=hash_token("new")
    )

    answer = await Client(people)("GET", PLAN, authorization=f"Bearer {token}")

    assert (answer.status, answer.header("x-caller")) == (status, "east" if status == 204 else None)


async def test_an_empty_next_token_opens_nothing(people: People) -> None:
    await Collector.create(id=9, site_id=SITE, name="east", token_hash=hash_token("old"))

    assert (await Client(people)("GET", PLAN, authorization="Bearer ")).status == 401
