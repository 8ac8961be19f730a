"""Which registers of a Modbus meter are read together (寄存器合并): by cost, where gaps may be read over."""

from collections.abc import Sequence
from enum import IntEnum

from collector.profile_modbus import JOIN_GAP_WORDS, MAX_READ_WORDS, Block, ModbusProfile, overlap, spans_of
from collector.protocols.modbus import Read


class Joining(IntEnum):
    """How far requests are joined; a meter that refuses one is read by the next from then on."""

    COST = 0  # Over gaps that cost less than a request of their own.
    OWN = 1  # The profile's own blocks, whole.
    NONE = 2  # Nothing that no row names.


def full_read(profile: ModbusProfile, gap_words: int = JOIN_GAP_WORDS) -> tuple[Block, ...]:
    """Return the requests that read every quantity by plain addresses: given, or merged from the rows."""
    if profile.reads:
        return profile.reads
    spans = spans_of([quantity for _, quantity in profile.quantities.all()])
    return merge(spans, profile.areas, profile.holes, gap_words)


def joined(
    spans: Sequence[Block],
    own: Sequence[Block],
    profile: ModbusProfile,
    joining: Joining,
    gap_words: int = JOIN_GAP_WORDS,
) -> list[Read]:
    """Return the requests for some runs of registers. own: the blocks that are known to be answered whole."""
    ordered = sorted(spans, key=lambda span: (span.read, span.at))
    blocks: dict[Block, None] = {}
    if joining is Joining.OWN:
        homes = {span: next((block for block in own if block.holds(span)), None) for span in ordered}
        blocks = {block: None for block in homes.values() if block is not None}
        ordered = [span for span in ordered if homes[span] is None]
    areas = (*own, *profile.areas) if joining is Joining.COST else ()
    found = [*blocks, *merge(ordered, areas, profile.holes, gap_words)]
    return [read_of(block) for block in sorted(found, key=lambda block: (block.read, block.at))]


def merge(
    parts: Sequence[Block],
    areas: Sequence[Block] = (),
    holes: Sequence[Block] = (),
    gap_words: int = JOIN_GAP_WORDS,
) -> tuple[Block, ...]:
    """Join sorted runs of registers into few requests: neighbours, and inside of an area over gaps that
    cost less than a request of their own; never over a hole, never past the protocol's limit.

    A meter may refuse what its map does not name, and then nothing of the request is answered.
    """
    found: list[Block] = []
    for part in parts:
        if found and found[-1].read == part.read:
            last = found[-1]
            whole = Block(last.at, min(max(last.end, part.end) - last.at, MAX_READ_WORDS + 1), last.read)
            gap = part.at - last.end
            may = gap <= 0 or (gap < gap_words and any(area.holds(whole) for area in areas))
            if may and whole.words <= MAX_READ_WORDS and not any(overlap(whole, hole) for hole in holes):
                found[-1] = whole
                continue
        found.append(part)
    return tuple(found)


def read_of(block: Block) -> Read:
    return Read(block.at, block.words, block.read)
