"""Orders that a DL/T 645 meter takes: relay, keep-supply, time (跳合闸、保电、广播校时).

A control frame carries level and password, operator, command, 00 and the time until which it holds, by
the meter's own clock. Real frames in three projects agree on this order.
"""

from datetime import datetime, timedelta

from simulator.dlt645_errors import DltError
from simulator.meter import Meter
from simulator.time_line import DAY_US, SECOND_US, to_instant, to_us

TRIP, PERMIT, CLOSE, ALARM_ON, ALARM_OFF, HOLD, RELEASE = 0x1A, 0x1B, 0x1C, 0x2A, 0x2B, 0x3A, 0x3B
LOCAL_OFFSET = timedelta(hours=8)
MAX_STEP_US = 300 * SECOND_US  # A broadcast moves a clock by five minutes at most, and once a day.


def control(meter: Meter, data: bytes, us: int) -> None:
    """Carry out control code 1C. Raises DltError."""
    if not meter.has_relay or data[:4].hex() != meter.spec.control_password.lower():
        raise DltError(DltError.NOT_AUTHORISED)
    if data[4:8].hex() != meter.spec.operator.lower():
        raise DltError(DltError.NOT_AUTHORISED)
    if data[9] != 0 or _time_us(data[10:16]) < meter.clock_us(us):
        raise DltError(DltError.OTHER)
    match data[8]:
        case 0x1A if not meter.held:
            meter.force(us, 1, 1)
        case 0x1B:
            meter.permit(us)
        case 0x1C if not meter.needs_press:
            meter.force(us, 1, 0)
        case 0x2A | 0x2B:
            meter.alarm = data[8] == ALARM_ON
        case 0x3A | 0x3B:
            meter.hold(data[8] == HOLD)
        case _:
            raise DltError(DltError.OTHER)


def take_time(meter: Meter, data: bytes, us: int) -> None:
    """Set the clock by a broadcast, if it is near and no other came on the same day."""
    try:
        told_us = _time_us(data)
    except DltError:
        return
    shown_us = meter.clock_us(us)
    day = shown_us // DAY_US
    if len(data) != 6 or abs(told_us - shown_us) > MAX_STEP_US or meter.time_taken_day == day:
        return
    meter.time_taken_day = day
    if abs(told_us - shown_us) < SECOND_US:
        return  # The frame says whole seconds: as near as it can be.
    offset_us = told_us - us
    meter.history.change(us, offset_us=0 if abs(offset_us) < SECOND_US else offset_us)
    meter.changed()


def clock_bcd(us: int) -> bytes:
    """Return second, minute, hour, day, month, year of an instant in BCD, in the mall's zone."""
    return bytes.fromhex((to_instant(us) + LOCAL_OFFSET).strftime("%S%M%H%d%m%y"))


def _time_us(data: bytes) -> int:
    try:
        second, minute, hour, day, month, year = (int(f"{byte:02x}") for byte in data)
        at = datetime(2000 + year, month, day, hour, minute, second, tzinfo=to_instant(0).tzinfo)
        return to_us(at - LOCAL_OFFSET)
    except ValueError as error:
        raise DltError(DltError.OTHER) from error
