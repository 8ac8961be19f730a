"""Only common/clock reads the clock or sleeps, so that the whole mall can run on virtual time."""

from pathlib import Path

from tests.house.source import names_of, python_files

READS_OR_SLEEPS = {
    "time.time", "time.time_ns", "time.monotonic", "time.monotonic_ns", "time.perf_counter", "time.sleep",
    "time.localtime", "time.gmtime", "asyncio.sleep", "datetime.datetime.now", "datetime.datetime.utcnow",
    "datetime.datetime.today", "datetime.date.today",
}  # fmt: skip
CLOCK = Path("common/clock.py")
# Everything else with its reason; a new one needs a better reason than these.
MAY: dict[tuple[str, str], str] = {
    (
        "common/streams.py",
        "asyncio.sleep",
    ): "drain() of an in-memory pipe gives way once: sleep(0), no waiting",
}


def test_only_the_clock_reads_the_clock_or_sleeps() -> None:
    others = [
        f"{path}:{line} uses {name}"
        for path in python_files("backend", "collector", "common", "simulator")
        if path != CLOCK
        for line, name in names_of(path)
        if name in READS_OR_SLEEPS and (str(path), name) not in MAY
    ]

    assert others == []


def test_the_clock_itself_is_seen_by_this_test() -> None:
    seen = {name for _, name in names_of(CLOCK)} & READS_OR_SLEEPS

    assert seen == {"time.monotonic", "asyncio.sleep", "datetime.datetime.now"}


def test_nothing_on_virtual_time_starts_a_thread() -> None:
    starters = {"threading.Thread", "asyncio.to_thread", "concurrent.futures.ThreadPoolExecutor"}
    # The port for synchronous libraries is the one place; virtual time runs executor calls inline.
    started = [
        f"{path}:{line} uses {name}"
        for path in python_files("backend", "collector", "common", "simulator")
        if path != Path("backend/messages/blocking.py")
        for line, name in names_of(path)
        if name in starters
    ]

    assert started == []
