"""Measurements for Prometheus (监控指标). Call these functions; nothing else knows the library.

With several processes (`run_workers`) each writes its values to a shared folder and any of them answers
for all: see `share_between_processes`, which has to run before this page is imported.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)

SHARED_FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"  # The library's own name.

REGISTRY = CollectorRegistry()

_FAST = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_SECONDS = (0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 13.0, 21.0, 34.0, 60.0, 120.0, 300.0)

_calls = Histogram(
    "prewatt_call_seconds", "Time of one call", ["operation", "status"], registry=REGISTRY, buckets=_FAST
)
_callbacks = Counter("prewatt_callback_total", "Payment callbacks", ["channel", "outcome"], registry=REGISTRY)
_booked = Counter("prewatt_payment_booked_total", "Payments booked", ["leg"], registry=REGISTRY)
_messages = Counter("prewatt_message_total", "Messages by channel", ["channel", "outcome"], registry=REGISTRY)
_jobs = Counter("prewatt_job_total", "Outbox jobs", ["kind", "outcome"], registry=REGISTRY)
_stale = Counter("prewatt_stale_reply_total", "Late replies from a line", ["line"], registry=REGISTRY)
_powered = Histogram(
    "prewatt_paid_to_powered_seconds",
    "From booked payment to verified supply",
    registry=REGISTRY,
    buckets=_SECONDS,
)
_orders = Histogram(
    "prewatt_relay_order_seconds",
    "From relay order to acknowledgement or proof",
    ["order", "stage"],
    registry=REGISTRY,
    buckets=_SECONDS,
)


def _gauge(name: str, text: str, *labels: str) -> Gauge:
    # Several processes may know the value: the one that said it last is right.
    return Gauge(f"prewatt_{name}", text, labels, registry=REGISTRY, multiprocess_mode="mostrecent")


_outbox_age = _gauge("outbox_age_seconds", "Age of the oldest row that is due", "lane")
_outbox_due = _gauge("outbox_due", "Rows that are due", "lane")
_lag = _gauge("reconciliation_lag_seconds", "Time since the last day that agreed with the channel")
_redis_up = _gauge("redis_up", "1 while Redis answers")
_streams = Gauge(
    "prewatt_event_streams", "Open event streams", registry=REGISTRY, multiprocess_mode="livesum"
)
_line_use = _gauge("line_use_ratio", "Share of time with a transaction on the wire", "collector", "line")
_line_cycle = _gauge("line_cycle_seconds", "Median gap between two reads of a meter", "collector", "line")
_line_connected = _gauge("line_connected", "1 while the gateway is connected", "collector", "line")
_line_silent = _gauge("line_silent_meters", "Meters that do not answer", "collector", "line")
_collector_seen = _gauge("collector_seen_timestamp_seconds", "When a collector was last heard", "collector")
_collector_backlog = _gauge("collector_backlog", "Readings waiting in the spool", "collector")
_collector_offset = _gauge("collector_clock_offset_seconds", "Collector's clock less ours", "collector")
_alarms = _gauge("alarms", "Alarms that stand and are explained by no other", "kind", "severity")
_alarms_seen: set[tuple[str, str]] = set()  # A kind that stands no longer is said to be none.


def observe_call(operation: str, status: int, seconds: float) -> None:
    """Count one call. Unknown paths share the operation "none", so that no client makes up labels."""
    _calls.labels(operation, str(status)).observe(seconds)


def count_callback(outcome: str, *, channel: str = "wechat_pay") -> None:
    """outcome: "booked", "known", "other_event", or why it was refused (of a fixed list)."""
    _callbacks.labels(channel, outcome).inc()


def count_booked(leg: str) -> None:
    """leg: what brought the payment first: "callback", "query", "follow", "reconcile" or "counter"."""
    _booked.labels(leg).inc()


def count_message(channel: str, outcome: str) -> None:
    _messages.labels(channel, outcome).inc()


def count_job(kind: str, outcome: str) -> None:
    """outcome: "done", "again" or "failed"."""
    _jobs.labels(kind, outcome).inc()


def count_stale_replies(line: str, count: int = 1) -> None:
    _stale.labels(line).inc(count)


def observe_paid_to_verified(seconds: float) -> None:
    _powered.observe(seconds)


def observe_relay_order(order: str, stage: str, seconds: float) -> None:
    """order: "trip" or "restore"; stage: "acknowledged" or "verified"."""
    _orders.labels(order, stage).observe(seconds)


def set_outbox(lane: str, due: int, oldest_age_s: float) -> None:
    _outbox_due.labels(lane).set(due)
    _outbox_age.labels(lane).set(oldest_age_s)


def set_reconciliation_lag(seconds: float) -> None:
    _lag.set(seconds)


def set_redis_up(up: bool) -> None:
    _redis_up.set(float(up))


def set_event_streams(count: int) -> None:
    _streams.set(count)


def set_alarms(counts: Mapping[tuple[str, str], int]) -> None:
    """counts: standing alarms by kind and severity; what is not named is none."""
    _alarms_seen.update(counts)
    for kind, severity in _alarms_seen:
        _alarms.labels(kind, severity).set(counts.get((kind, severity), 0))


def set_line(
    collector: str,
    line: str,
    *,
    connected: bool,
    use: float | None = None,
    cycle_s: float | None = None,
    silent_meters: int = 0,
) -> None:
    """Tell how one line is doing; what is not known (None) keeps its last value."""
    _line_connected.labels(collector, line).set(float(connected))
    _line_silent.labels(collector, line).set(silent_meters)
    if use is not None:
        _line_use.labels(collector, line).set(use)
    if cycle_s is not None:
        _line_cycle.labels(collector, line).set(cycle_s)


def set_collector(
    collector: str, *, seen_at_s: float, backlog: int = 0, clock_offset_s: float | None = None
) -> None:
    """seen_at_s: seconds since 1970, so that an alarm rule can subtract it from the present."""
    _collector_seen.labels(collector).set(seen_at_s)
    _collector_backlog.labels(collector).set(backlog)
    if clock_offset_s is not None:
        _collector_offset.labels(collector).set(clock_offset_s)


def share_between_processes(folder: Path) -> None:
    """Empty and name the folder that the processes started from here share."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.db"):
        old.unlink()
    os.environ[SHARED_FOLDER_VARIABLE] = str(folder)


def forget_process(pid: int) -> None:
    """Take the live values of a process that has ended out of the shared folder."""
    if SHARED_FOLDER_VARIABLE in os.environ:
        multiprocess.mark_process_dead(pid)  # type: ignore[no-untyped-call]


def render() -> tuple[bytes, str]:
    """Return the page that Prometheus reads, and its content type."""
    registry = REGISTRY
    if SHARED_FOLDER_VARIABLE in os.environ:
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry), CONTENT_TYPE_LATEST
