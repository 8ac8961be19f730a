"""What the domain tests are built from: the demo tariff and a few instants of the mall's time."""

from datetime import UTC, datetime

from backend.domain.tariffs import Component, ComponentKind, Period, Slot, TariffVersion
from common.clock import LOCAL_ZONE

DEMO_COMPONENTS = (
    Component(ComponentKind.ENERGY, "代理购电价格", 400_000, True),
    Component(ComponentKind.LINE_LOSS, "上网环节线损", 20_000, True),
    Component(ComponentKind.TRANSMISSION, "输配电价", 210_000, False),
    Component(ComponentKind.SYSTEM, "系统运行费", 40_000, False),
    Component(ComponentKind.FUNDS, "政府性基金及附加", 30_000, False),
)
DEMO_SLOTS = (
    Slot(0, Period.VALLEY),
    Slot(8 * 60, Period.FLAT),
    Slot(10 * 60, Period.PEAK),
    Slot(13 * 60, Period.FLAT),
    Slot(17 * 60, Period.PEAK),
    Slot(22 * 60, Period.FLAT),
)
DEMO_FLOATS = {Period.PEAK: 600, Period.VALLEY: -600}


def at(text: str) -> datetime:
    """Read a local time of the mall ("2026-03-02 10:00" or with seconds) as an instant."""
    return datetime.fromisoformat(text).replace(tzinfo=LOCAL_ZONE).astimezone(UTC)


def demo_tariff(
    version_id: str = "v1",
    valid_from: str = "2026-01-01 00:00",
    components: tuple[Component, ...] = DEMO_COMPONENTS,
    slots: tuple[Slot, ...] = DEMO_SLOTS,
    floats: dict[Period, int] | None = None,
) -> TariffVersion:
    return TariffVersion(
        version_id=version_id,
        valid_from=at(valid_from),
        components=components,
        slots=slots,
        float_permille=DEMO_FLOATS if floats is None else floats,
    )
