"""The demo's handlers: there in a demo alone, each on its own listener, with a strict policy."""

from dataclasses import replace

import msgspec
import pyotp
import pytest

from backend.assemble import make_edge
from backend.exchange import Answer, Request
from backend.models.people import Staff
from backend.routing import Listener
from backend.services.credentials import STEP_S, matching_step, open_secret
from backend.services.staff_sign_in import demo_sign_in
from tests.pages.stage import OnStage

pytestmark = pytest.mark.asyncio(loop_scope="package")
PATHS = ("/demo/phone", "/demo/files/phone.js", "/demo/config.json")


async def ask(
    stage: OnStage, path: str, *, demo: bool = True, cookie: str = "", listener: Listener = Listener.BOTH
) -> Answer:
    settings = msgspec.structs.replace(stage.ctx.settings, demo=demo)
    edge = make_edge(replace(stage.ctx, settings=settings))
    return await edge.call(Request("GET", path, headers={"cookie": cookie}, listener=listener))


@pytest.mark.parametrize("path", [*PATHS, "/api/v1/demo/totp"])
async def test_nothing_of_it_is_found_outside_a_demo(stage: OnStage, path: str) -> None:
    token = (await demo_sign_in(stage.ctx, "manager")).token

    answer = await ask(stage, path, demo=False, cookie=f"prewatt_session={token}")

    assert answer.status == 404


async def test_the_phone_is_not_on_the_private_listener(stage: OnStage) -> None:
    assert (await ask(stage, "/demo/phone", listener=Listener.PRIVATE)).status == 404
    assert (await ask(stage, "/demo/phone", listener=Listener.PUBLIC)).status == 200


async def test_a_page_allows_no_inline_script_and_no_frame(stage: OnStage) -> None:
    answer = await ask(stage, "/demo/phone")

    policy = answer.header("Content-Security-Policy") or ""
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert b"<script>" not in answer.body
    assert b" style=" not in answer.body


@pytest.mark.parametrize("name", ["phone.html", "..%2Fpage_files.py", "nothing.js"])
async def test_only_scripts_and_styles_are_files(stage: OnStage, name: str) -> None:
    assert (await ask(stage, f"/demo/files/{name}")).status == 404


async def test_the_code_is_the_callers_own_and_not_used_before(stage: OnStage) -> None:
    signed_in = await demo_sign_in(stage.ctx, "electrician")
    staff = await Staff.get(id=int(signed_in.me.staff_id))
    now = stage.clock.now()
    step = int(now.timestamp()) // STEP_S
    await Staff.filter(id=staff.id).update(totp_last_step=step)
    secret = open_secret(stage.ctx.settings.secret_key, staff.id, staff.totp_secret)

    answer = await ask(stage, "/api/v1/demo/totp", cookie=f"prewatt_session={signed_in.token}")

    code = msgspec.json.decode(answer.body)
    assert code["code"] == pyotp.TOTP(secret).generate_otp(step + 1)
    assert matching_step(secret, code["code"], stage.clock.now()) == step + 1
    assert code["usable_in_s"] == 0


async def test_without_a_session_there_is_no_code(stage: OnStage) -> None:
    assert (await ask(stage, "/api/v1/demo/totp")).status == 401
