"""What a site file may say (站点文件的内容): its tables as structs, its words as the domain's values."""

from datetime import date
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from backend.domain.tariffs import Component, ComponentKind, Period, Slot, TariffVersion
from common.clock import local_midnight
from common.units import Fen, fen_from_yuan

Code = Annotated[str, Meta(min_length=1, max_length=32)]
Name = Annotated[str, Meta(min_length=1, max_length=64)]
Window = Annotated[str, Meta(pattern=r"^\d\d:\d\d-\d\d:\d\d$")]
Yuan = Annotated[str, Meta(pattern=r"^-?\d{1,12}(\.\d{1,6})?$")]
Protocol = Literal["modbus-tcp", "rtu-tcp", "dlt645-tcp", "rtu-serial", "dlt645-serial"]
Port = Annotated[int, Meta(ge=0, le=65_535)]  # 0: a serial line.
Device = Annotated[str, Meta(max_length=128, pattern=r"^(/dev/[\w./:-]+|COM\d{1,3})?$")]
Unit = Annotated[int, Meta(ge=1, le=247)]
Address = Annotated[str, Meta(pattern=r"^(\d{12})?$")]
ControlWord = Annotated[str, Meta(pattern=r"^[0-9A-Fa-f]{8}$")]
Ratio = Annotated[int, Meta(ge=1, le=10_000)]
Side = Literal["secondary", "primary"]
RatedPower = Annotated[int, Meta(gt=0, le=10_000_000)]
Register = Annotated[int, Meta(ge=0, le=65_535)]
Host = Annotated[str, Meta(min_length=1, max_length=128, pattern=r"^[\w.:-]+$")]
Parity = Literal["N", "E", "O"]
Kind = Literal["prepaid", "public"]
Place = Annotated[str, Meta(max_length=64)]
Reason = Annotated[str, Meta(min_length=2, max_length=200)]
Baud = Annotated[int, Meta(ge=300, le=115_200)]
GatewayTimeout = Annotated[float, Meta(gt=0, le=10)]


class SitePart(Struct, frozen=True, forbid_unknown_fields=True):
    code: Code
    name: Name
    demo: bool = False


class PolicyPart(Struct, frozen=True, forbid_unknown_fields=True):
    delay_s: Annotated[int, Meta(ge=0, le=86_400)] = 1_800
    no_trip_windows: list[Window] = field(default_factory=lambda: ["18:00-09:30"])
    no_trip_weekends: bool = True
    no_trip_holidays: bool = True
    holidays: list[str] = []
    poll_interval_s: Annotated[float, Meta(ge=0, le=3_600)] = 60.0
    electrical_interval_s: Annotated[float, Meta(ge=0, le=86_400)] = 900.0
    # Power limits: over for so long is told, for so long is tripped; back on after so long, so often.
    power_tell_s: Annotated[float, Meta(ge=1, le=3_600)] = 30.0
    power_trip_s: Annotated[float, Meta(ge=2, le=7_200)] = 120.0
    power_restore_s: Annotated[float, Meta(ge=5, le=86_400)] = 600.0
    power_retries: Annotated[int, Meta(ge=0, le=10)] = 3
    power_gap_s: Annotated[float, Meta(ge=5, le=3_600)] = 90.0
    power_night_hours: list[Window] = field(default_factory=lambda: ["22:30-07:00"])


class ComponentPart(Struct, frozen=True, forbid_unknown_fields=True):
    kind: Literal["energy", "line_loss", "transmission", "system", "funds"]
    name: Name
    price: Yuan
    floats: bool = False


class VersionPart(Struct, frozen=True, forbid_unknown_fields=True):
    valid_from: str
    components: list[ComponentPart]
    slots: list[Annotated[str, Meta(pattern=r"^\d\d:\d\d (sharp|peak|flat|valley|deep_valley)$")]]
    float_percent: dict[Literal["sharp", "peak", "flat", "valley", "deep_valley"], int] = {}


class TariffPart(Struct, frozen=True, forbid_unknown_fields=True):
    code: Code
    name: Name
    versions: list[VersionPart]


class MeterPart(Struct, frozen=True, forbid_unknown_fields=True):
    serial: Code
    unit: Unit
    profile: Name
    kind: Kind
    rated_power_w: RatedPower
    ct_ratio: Ratio = 1
    pt_ratio: Ratio = 1
    energy_side: Side = "secondary"
    shop: str = ""
    place: Place = ""
    status_block_at: Register | None = None
    permit: bool = False
    address: Address = ""
    # Secrets; one that the file leaves out stays as it is.
    control_password: ControlWord | None = None
    operator: ControlWord | None = None


class LinePart(Struct, frozen=True, forbid_unknown_fields=True):
    code: Code
    protocol: Protocol
    port: Port = 0
    device: Device = ""
    baud: Baud = 9_600
    parity: Parity = "N"
    gateway_timeout_s: GatewayTimeout = 0.5
    meters: list[MeterPart] = []


class GatewayPart(Struct, frozen=True, forbid_unknown_fields=True):
    code: Code
    name: Name
    host: Host
    lines: list[LinePart] = []


class ShaftPart(Struct, frozen=True, forbid_unknown_fields=True):
    code: Code
    name: Name
    gateways: list[GatewayPart] = []


class ContactPart(Struct, frozen=True, forbid_unknown_fields=True):
    name: Annotated[str, Meta(min_length=1, max_length=32)]
    phone: Annotated[str, Meta(pattern=r"^\+?\d{5,19}$")]
    verified: bool = False


class ShopPart(Struct, frozen=True, forbid_unknown_fields=True, rename={"shop_class": "class"}):
    code: Code
    name: Name
    tariff: Code
    floor: str = ""
    shop_class: str = ""
    overdraft: Yuan | None = None  # None: as the site's policy says.
    power_limit_w: Annotated[int, Meta(gt=0)] | None = None
    night_limit_w: Annotated[int, Meta(gt=0)] | None = None
    armed: bool = False
    contacts: list[ContactPart] = []


class SiteFile(Struct, frozen=True, forbid_unknown_fields=True):
    site: SitePart
    tariffs: list[TariffPart]
    shafts: list[ShaftPart]
    shops: list[ShopPart]
    policy: PolicyPart = field(default_factory=PolicyPart)


def tariff_version(part: VersionPart, version_id: str) -> TariffVersion:
    """Turn the file's words into the domain's. Raises TariffError or ValueError."""
    return TariffVersion(
        version_id=version_id,
        valid_from=local_midnight(date.fromisoformat(part.valid_from)),
        components=tuple(
            Component(ComponentKind(item.kind.upper()), item.name, _microyuan(item.price), item.floats)
            for item in part.components
        ),
        slots=tuple(_slot(item) for item in part.slots),
        float_permille={
            Period(name.upper()): (percent - 100) * 10 for name, percent in part.float_percent.items()
        },
    )


def overdraft_fen(shop: ShopPart) -> Fen | None:
    return None if shop.overdraft is None else fen_from_yuan(shop.overdraft)


def _microyuan(price: str) -> int:
    sign = -1 if price.startswith("-") else 1
    whole, _, part = price.lstrip("-").partition(".")
    return sign * (int(whole) * 1_000_000 + int(part.ljust(6, "0")))


def _slot(text: str) -> Slot:
    clock, period = text.split()
    hour, minute = clock.split(":")
    return Slot(int(hour) * 60 + int(minute), Period(period.upper()))
