"""The collector link (采集服务接口): what backend and collector say to each other, as JSON.

Every struct is msgspec and frozen. Times are aware UTC, energy is Wh as the meter shows it (secondary
side, before the CT ratio), ids are text. Delivery is at least once: the backend deduplicates readings
on (meter, read_at, kind) and outcomes on (meter, generation, stage), so sending again is harmless.
"""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct, field


class Relay(StrEnum):
    """State of the contact as read (继电器状态)."""

    ON = "ON"
    OFF = "OFF"
    PERMITTED = "PERMITTED"  # Waits for a press on the meter (合闸允许).
    UNKNOWN = "UNKNOWN"


class ReadingKind(StrEnum):
    POLL = "poll"  # On schedule.
    REQUEST = "request"  # Asked for by the backend: "read now", or confirming a trip.
    VERIFY = "verify"  # Read after a relay command.
    PEEK = "peek"  # The newest state while older readings still wait in the spool: shown, never charged.


class Stage(StrEnum):
    """How far a relay order has come. A trip ends verified, refused, expired or superseded; a
    restore ends verified or superseded and is otherwise never given up."""

    SENT = "sent"  # First frame handed to the line.
    ACKNOWLEDGED = "acknowledged"  # The meter's echo: frame accepted, contact not proved.
    COMMANDED = "commanded"  # Echo and forced registers read back; the meter has no contact bits.
    VERIFIED = "verified"  # Contact bits read back, or current gone on two reads where it flowed.
    REFUSED = "refused"  # The meter said no (exception code).
    EXPIRED = "expired"  # A trip whose first write did not happen in time.
    SUPERSEDED = "superseded"  # A newer generation replaced it.
    UNREACHABLE = "unreachable"  # No answer yet; the collector goes on trying.
    CONTRADICTED = "contradicted"  # "Open" but current flows: welded or bypassed.


class OrderClass(StrEnum):
    """Why an order is sent; decides its place on the line (house priorities of the line)."""

    SAFETY = "safety"  # Emergency or safety trip.
    RESTORE = "restore"
    TRIP = "trip"  # Arrears, power limit, staff.


class PlanMeter(Struct, frozen=True, kw_only=True):
    """One meter on a line."""

    meter_id: str
    unit: int  # Address on the RS485 line, 1..247; of a DL/T 645 meter only a number within the line.
    profile: str  # Name of a file in collector/profiles, without ".toml".
    prepaid: bool  # Has a relay that we control.
    ct_ratio: int = 1
    rated_power_w: int = 0
    status_block_at: int | None = None  # Start of Acrel's 48-register block: site data, None if unknown.
    permit: bool = False  # Restore by 合闸允许: someone presses the button on the meter.
    address: str = ""  # DL/T 645: twelve digits (通信地址).
    # DL/T 645 control: level and password, four bytes in hex as sent (PA P0 P1 P2); operator, four bytes.
    control_password: str = "02000000"
    operator: str = "00000000"


class PlanLine(Struct, frozen=True, kw_only=True):
    """One RS485 line behind a gateway's socket (485 总线)."""

    line_id: str
    name: str
    protocol: str  # "modbus-tcp", "rtu-tcp", "dlt645-tcp", "rtu-serial" or "dlt645-serial".
    host: str  # Of a serial line its device, such as /dev/ttyUSB0.
    port: int  # Of a serial line 0.
    baud: int = 9600
    parity: str = "N"
    gateway_timeout_s: float = 0.5  # When the gateway itself gives up and answers 0x0B.
    poll_interval_s: float = 60.0  # What money rests on is due this often; 0: as fast as the line goes.
    electrical_interval_s: float = 900.0  # Voltages and the like, where they cost a request of their own.
    meters: list[PlanMeter] = field(default_factory=list)


class Plan(Struct, frozen=True, kw_only=True):
    """All that a collector needs to know. `version` changes with any content (ETag)."""

    version: str
    site_id: str
    lines: list[PlanLine]


class FrozenDay(Struct, frozen=True, kw_only=True):
    """What a meter kept of itself at a local midnight (日冻结)."""

    at: datetime
    register_wh: int
    period_registers_wh: tuple[int, int, int, int] | None = None


class Reading(Struct, frozen=True, kw_only=True):
    """What one meter showed at one instant (抄表). None: not read, or the meter does not have it."""

    meter_id: str
    read_at: datetime
    kind: ReadingKind
    register_wh: int
    # Sharp, peak, flat, valley registers in Wh (尖峰平谷).
    period_registers_wh: tuple[int, int, int, int] | None = None
    power_w: int | None = None
    voltage_mv: tuple[int, ...] | None = None  # Per phase.
    current_ma: tuple[int, ...] | None = None  # Per phase.
    relay: Relay = Relay.UNKNOWN
    forced: bool | None = None  # Acrel forced control is on, as commissioned.
    own_remaining_fen: int | None = None  # The meter's own money register: shown, never used.
    held: bool | None = None  # The meter's own keep-supply is on (DL/T 645 3A): it refuses trips.
    load_tripped: bool | None = None  # The meter's own load control has opened the contact.
    meter_clock_offset_s: float | None = None  # Meter clock minus collector clock.
    # The meter's own day table, (minute of the local day, rate 1 sharp … 4 valley) of each switch; read
    # once a day, None otherwise.
    period_table: tuple[tuple[int, int], ...] | None = None
    # Midnights since the reading before, oldest first: after an outage each day gets its own charge.
    frozen: tuple[FrozenDay, ...] = ()
    request_id: str | None = None  # Of the read request that this answers.


class Outcome(Struct, frozen=True, kw_only=True):
    """One step of a relay order (指令进展)."""

    meter_id: str
    generation: int
    stage: Stage
    at: datetime
    relay: Relay = Relay.UNKNOWN
    detail: str = ""  # Exception code, read-back words in hex: evidence, for people.


class ReadingBatch(Struct, frozen=True, kw_only=True):
    """Up to 1,000 spooled readings. (epoch, number) names the batch within its spool."""

    epoch: str  # UUID made with the spool.
    number: int  # Grows by one per batch.
    sent_at: datetime
    readings: list[Reading]


class OutcomeBatch(Struct, frozen=True, kw_only=True):
    epoch: str
    number: int
    sent_at: datetime
    outcomes: list[Outcome]


class BatchAnswer(Struct, frozen=True, kw_only=True):
    epoch: str
    number: int  # Everything up to this number is safe with the backend.
    server_time: datetime
    refused: dict[str, str] = field(default_factory=dict)  # meter_id -> reason; do not send again.


class DesiredQuery(Struct, frozen=True, kw_only=True):
    """Long poll: answer as soon as any meter's generation differs from `held`, or after wait_s."""

    held: dict[str, int]  # meter_id -> generation held; a meter not named is held at 0.
    wait_s: float = 25.0
    clock_offset_s: float | None = None  # Collector minus backend, as the collector measured it.
    known_requests: list[str] = field(default_factory=list)  # Read requests already taken.
    watching: list[str] = field(default_factory=list)  # The watch list held, sorted.


class Desired(Struct, frozen=True, kw_only=True):
    """What one meter's relay shall be (目标状态). A greater generation always wins."""

    meter_id: str
    generation: int
    relay: Relay  # ON or OFF (PERMITTED is chosen by the plan's `permit`).
    order_class: OrderClass
    first_write_within_s: float | None = None  # Trips only, relative to this answer; None: no limit.
    release_hold: bool = False  # Not an arrears trip: the meter's own keep-supply is lifted first (3B).


class ReadRequest(Struct, frozen=True, kw_only=True):
    """Read one meter now (立即抄表)."""

    request_id: str
    meter_id: str
    within_s: float
    at_priority: bool = True


class DesiredAnswer(Struct, frozen=True, kw_only=True):
    server_time: datetime
    plan_version: str
    desired: list[Desired]
    read_requests: list[ReadRequest]
    # Meters near a limit, sorted (关注表): read every few seconds. The whole list, each time.
    watch: list[str] = field(default_factory=list)


class LineHealth(Struct, frozen=True, kw_only=True):
    line_id: str
    connected: bool
    fault: bool = False  # Connected, and yet hardly a meter answers: the line, not its meters.
    cycle_s: float | None = None  # Median gap between two reads of one live meter.
    use: float | None = None  # Share of time with a transaction on the wire.
    silent_meters: list[str] = field(default_factory=list)
    timeouts: int = 0
    strays: int = 0
    bad_frames: int = 0  # Wrong check sums and noise.
    reconnects: int = 0
    unusable: dict[str, str] = field(default_factory=dict)  # Meter -> what is wrong with its profile.


class Health(Struct, frozen=True, kw_only=True):
    sent_at: datetime
    version: str
    spool_backlog: int
    clock_offset_s: float | None
    lines: list[LineHealth]
    # Models that can be read: name -> protocol ("modbus", "dlt645"), then its unconfirmed rows.
    profiles: dict[str, list[str]] = field(default_factory=dict)


class HealthAnswer(Struct, frozen=True, kw_only=True):
    server_time: datetime


# Routes of the link, under the private listener; the collector's token goes into Authorization: Bearer.
PLAN_PATH = "/api/v1/collector/plan"
READINGS_PATH = "/api/v1/collector/readings"
OUTCOMES_PATH = "/api/v1/collector/outcomes"
DESIRED_PATH = "/api/v1/collector/desired"
HEALTH_PATH = "/api/v1/collector/health"
MAX_BATCH = 1_000
