"""What the types cannot say about a profile of a Modbus meter (档案校验规则)."""

from collector.profile_modbus import (
    Block,
    MeterClock,
    ModbusProfile,
    Quantities,
    Quantity,
    RelayWrite,
    clock_span,
    overlap,
    spans_of_row,
    table_span,
)


def problem(profile: ModbusProfile) -> str | None:
    """Return the first thing that the types cannot say."""
    for block in profile.reads:
        if any(overlap(block, hole) for hole in profile.holes):
            return f"reads: 0x{block.at:04X} +{block.words} touches a hole"
    for name, quantity in profile.quantities.all():
        for part in spans_of_row(quantity):
            if any(overlap(part, hole) for hole in profile.holes):
                return f"quantities.{name}: 0x{part.at:04X} lies in a hole"
            if profile.reads and not any(block.holds(part) for block in profile.reads):
                return f"quantities.{name}: 0x{part.at:04X} is in none of the reads"
    for where, quantities in _sets(profile):
        periods = quantities.period_registers_wh
        if periods is not None and len(periods.addresses) != 4:
            return f"{where}.period_registers_wh: needs four addresses (sharp, peak, flat, valley)"
        for name in ("register_wh", "power_w", "own_remaining_fen"):
            single: Quantity | None = getattr(quantities, name)
            if single is not None and len(single.addresses) != 1:
                return f"{where}.{name}: needs one address"
    for name, extra in _extras(profile):
        if any(overlap(extra, hole) for hole in profile.holes):
            return f"{name}: 0x{extra.at:04X} lies in a hole"
    if profile.period_table is not None and len(set(profile.period_table.order)) != 3:
        return "period_table.order: needs rate, hour and minute, each once"
    if profile.clock is not None and sorted(profile.clock.order) != sorted(MeterClock(0, "bcd").order):
        return "clock.order: needs year, month, day, weekday, hour, minute and second, each once"
    return _status_problem(profile) or _relay_problem(profile)


def _status_problem(profile: ModbusProfile) -> str | None:
    status = profile.status
    outside = []
    if profile.clock is not None and profile.clock.block is not None:
        outside.append(("clock", profile.clock.word + 3))
    if profile.relay is not None and profile.relay.contact is not None:
        outside.append(("relay.contact", profile.relay.contact.word))
    if status is None:
        return f"{outside[0][0]}: there is no [status] block" if outside else None
    if status.type_code is not None:
        outside.append(("status.type_code", status.type_code.word))
    outside += [("status.load_trip", bits.word) for bits in status.load_trip]
    for name, quantity in status.quantities.all():
        outside += [(f"status.quantities.{name}", part.end - 1) for part in spans_of_row(quantity)]
    for name, word in outside:
        if word >= status.words:
            return f"{name}: word {word} lies behind the status block of {status.words}"
    return None


def _relay_problem(profile: ModbusProfile) -> str | None:
    relay = profile.relay
    if relay is None:
        return None
    for name in ("trip", "restore"):
        order: RelayWrite = getattr(relay, name)
        if (order.at, len(order.words)) != (relay.forced.at, relay.forced.words):
            return f"relay.{name}: must write exactly the registers that relay.forced reads back"
    if relay.trip.words == relay.restore.words:
        return "relay: trip and restore write the same words"
    return None


def _extras(profile: ModbusProfile) -> list[tuple[str, Block]]:
    """Return what is read by plain addresses and is no quantity."""
    found = []
    if profile.clock is not None and profile.clock.block is None:
        found.append(("clock", clock_span(profile.clock)))
    if profile.period_table is not None:
        found.append(("period_table", table_span(profile.period_table)))
    if profile.relay is not None:
        found.append(("relay.forced", Block(profile.relay.forced.at, profile.relay.forced.words)))
    return found


def _sets(profile: ModbusProfile) -> list[tuple[str, Quantities]]:
    sets = [("quantities", profile.quantities)]
    return sets if profile.status is None else [*sets, ("status.quantities", profile.status.quantities)]
