"""Health, metrics and the document, as the product serves them."""

import json
from dataclasses import replace
from typing import Any

import pytest

from backend import metrics
from backend.edge import Edge
from backend.exchange import Answer, Request
from backend.handlers.operations import show_live, show_metrics, show_openapi, show_ready
from backend.routing import Listener, registry
from backend.settings import Settings
from backend.wakes import LocalWakes
from tests.edge import sample
from tests.edge.conftest import context_of

MODULES = {one.__name__ for one in (show_live, show_metrics, show_openapi, show_ready)}


class Down(LocalWakes):
    """Wakes as they are while Redis does not answer."""

    def reread_s(self, while_down_s: float) -> float:
        return while_down_s


def settings(redis_url: str) -> Settings:
    values: dict[str, Any] = dict.fromkeys(Settings.__struct_fields__)
    return Settings(**{**values, "redis_url": redis_url})


def product_edge(redis_url: str = "", wakes: LocalWakes | None = None) -> Edge:
    context = replace(context_of(settings(redis_url)), wakes=wakes or LocalWakes())
    operations = [one for one in registry() if one.handler.__module__ in MODULES]
    return Edge(context, sample.authenticate, operations=operations)


async def ask(edge: Edge, path: str, listener: Listener = Listener.PRIVATE) -> Answer:
    return await edge.call(Request("GET", path, listener=listener))


async def ready(edge: Edge) -> tuple[int, dict[str, str]]:
    answer = await ask(edge, "/health/ready")
    return answer.status, json.loads(answer.body)


@pytest.mark.parametrize("listener", [Listener.PUBLIC, Listener.PRIVATE])
async def test_life_is_seen_on_both_listeners(listener: Listener) -> None:
    answer = await ask(product_edge(), "/health/live", listener)

    assert (answer.status, json.loads(answer.body)) == (200, {"status": "ok"})


@pytest.mark.parametrize("path", ["/metrics", "/api/openapi.json"])
async def test_what_is_for_operators_stays_private(path: str) -> None:
    edge = product_edge()

    statuses = [(await ask(edge, path, one)).status for one in (Listener.PUBLIC, Listener.PRIVATE)]

    assert statuses == [404, 200]


async def test_a_backend_with_its_database_is_ready(store: str) -> None:
    assert await ready(product_edge()) == (200, {"status": "ok", "database": "ok", "redis": "none"})


async def test_a_backend_without_redis_is_degraded_not_dead(store: str) -> None:
    edge = product_edge("redis://127.0.0.1:1", Down())

    assert await ready(edge) == (200, {"status": "degraded", "database": "ok", "redis": "down"})


async def test_a_backend_with_redis_is_ready(store: str) -> None:
    edge = product_edge("redis://127.0.0.1:1")

    assert await ready(edge) == (200, {"status": "ok", "database": "ok", "redis": "ok"})


async def test_a_backend_without_its_database_is_not_ready() -> None:
    status, view = await ready(product_edge())

    assert (status, view["status"], view["database"]) == (503, "down", "down")


async def test_metrics_tell_of_calls_and_of_unknown_paths_under_one_name() -> None:
    edge = product_edge()
    await ask(edge, "/health/live")
    await ask(edge, "/made/up/by/a/stranger")

    page = (await ask(edge, "/metrics")).body.decode()

    assert 'prewatt_call_seconds_count{operation="operations.show_live",status="200"}' in page
    assert 'prewatt_call_seconds_count{operation="none",status="404"}' in page
    assert "stranger" not in page


def shown() -> dict[str, float]:
    """Return every line of the page: name with labels, and value."""
    lines = metrics.render()[0].decode().splitlines()
    pairs = [line.rpartition(" ") for line in lines if not line.startswith("#")]
    return {name: float(value) for name, _, value in pairs}


def test_each_measurement_appears_on_the_page() -> None:
    before = shown()
    metrics.count_callback("bad_signature")
    metrics.count_booked("query")
    metrics.count_message("sms", "failed")
    metrics.count_job("query_payment", "again")
    metrics.count_stale_replies("L1", 2)
    metrics.observe_paid_to_verified(2.5)
    metrics.observe_relay_order("restore", "verified", 1.5)
    metrics.set_outbox("payments", 3, 12.5)
    metrics.set_reconciliation_lag(86_400)
    metrics.set_redis_up(False)
    metrics.set_line("c1", "L1", connected=True, use=0.75, cycle_s=16.5, silent_meters=2)
    metrics.set_line("c1", "L1", connected=False)
    metrics.set_collector("c1", seen_at_s=1_000.0, backlog=5, clock_offset_s=-0.5)

    after = shown()

    # Counters are the process's: other tests may have counted before.
    for line in (
        'prewatt_callback_total{channel="wechat_pay",outcome="bad_signature"} 1.0',
        'prewatt_payment_booked_total{leg="query"} 1.0',
        'prewatt_message_total{channel="sms",outcome="failed"} 1.0',
        'prewatt_job_total{kind="query_payment",outcome="again"} 1.0',
        'prewatt_stale_reply_total{line="L1"} 2.0',
        'prewatt_paid_to_powered_seconds_bucket{le="3.0"} 1.0',
        'prewatt_relay_order_seconds_count{order="restore",stage="verified"} 1.0',
        'prewatt_outbox_age_seconds{lane="payments"} 12.5',
        'prewatt_outbox_due{lane="payments"} 3.0',
        "prewatt_reconciliation_lag_seconds 86400.0",
        "prewatt_redis_up 0.0",
        'prewatt_line_use_ratio{collector="c1",line="L1"} 0.75',
        'prewatt_line_cycle_seconds{collector="c1",line="L1"} 16.5',
        'prewatt_line_connected{collector="c1",line="L1"} 0.0',
        'prewatt_collector_backlog{collector="c1"} 5.0',
        'prewatt_collector_clock_offset_seconds{collector="c1"} -0.5',
    ):
        name, _, value = line.rpartition(" ")
        is_gauge = not name.partition("{")[0].endswith(("_total", "_count", "_bucket"))
        assert after[name] - (0.0 if is_gauge else before.get(name, 0.0)) == float(value), name


async def test_the_document_is_served() -> None:
    answer = await ask(product_edge(), "/api/openapi.json")

    document = json.loads(answer.body)
    assert (document["openapi"], "/health/live" in document["paths"]) == ("3.1.0", True)
