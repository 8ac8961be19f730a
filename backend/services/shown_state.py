"""What the newest reading says of a meter beside its register (最新状态): power, relay, volts, amperes."""

import msgspec

from backend.models.meters import Meter, MeterState
from backend.services.power_limit import Seen
from common.wire import Reading, Relay


def show_newest(state: MeterState, meter: Meter, reading: Reading) -> Seen | None:
    """Let a meter's state show a reading, on the primary side (乘以倍率); None, and nothing, if it is older.

    The register, and everything else that money rests on, is not touched.
    """
    if state.shown_at is not None and reading.read_at < state.shown_at:
        return None
    state.shown_at = reading.read_at
    if reading.power_w is not None:
        state.power_w = reading.power_w * meter.transformers.ratio
    if reading.relay is not Relay.UNKNOWN and (state.relay_at is None or reading.read_at >= state.relay_at):
        state.relay, state.relay_at = reading.relay, reading.read_at
    if reading.forced is not None:
        state.forced = reading.forced
    if reading.voltage_mv is not None or reading.current_ma is not None:
        volts, amps = reading.voltage_mv, reading.current_ma
        at = meter.transformers
        shown = {
            "voltage_mv": None if volts is None else [mv * at.voltage_ratio for mv in volts],
            "current_ma": None if amps is None else [ma * at.current_ratio for ma in amps],
        }
        state.electrical = msgspec.json.encode(shown).decode()
    power_w = None if reading.power_w is None else state.power_w
    return Seen(meter, reading.read_at, power_w, reading.relay, reading.load_tripped)
