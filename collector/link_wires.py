"""What a transparent line speaks: frames, and which answer belongs to which request (线路报文)."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from collector.protocols import dlt645, modbus, rtu
from collector.protocols.answer import Rejected
from collector.requests import Request
from common.wire import PlanLine, PlanMeter

RTU_FIRST_CONTACT_S = 0.5
DLT645_FIRST_CONTACT_S = 0.6  # The standard allows a meter 500 ms.
MAX_FOLLOWING = 20  # Frames of one answer; no profile asks for more.


@dataclass(frozen=True)
class Heard:
    """A frame with a right check sum.

    sender:     the address it came from.
    kind:       what an answer to the same kind of request always shows.
    signature:  what else has to fit; None fits every request of the kind (the meter said no).
    characters: its length on the line.
    """

    sender: Hashable
    kind: Hashable
    signature: Hashable | None
    characters: int
    frame: rtu.Frame | dlt645.Frame


class Wire(Protocol):
    """One protocol on a line without transaction numbers."""

    first_contact_s: float

    @property
    def noise_bytes(self) -> int: ...

    @property
    def bad_frames(self) -> int: ...

    def address(self, meter: PlanMeter) -> Hashable: ...

    def encode(self, meter: PlanMeter, request: Request) -> bytes: ...

    def kind(self, request: Request) -> Hashable: ...

    def signature(self, request: Request) -> Hashable: ...

    def feed(self, data: bytes) -> list[Heard]:
        """Take bytes and return the frames that are whole now."""

    def clear(self) -> None:
        """Forget a frame that has begun."""

    def answers(self, meter: PlanMeter, request: Request, heard: Heard) -> bool: ...

    def decode(self, request: Request, heard: Heard) -> Sequence[int]:
        """Return the values. Raises Rejected, Silent."""

    def follow(self, request: Request, heard: Heard) -> Request | None:
        """Return what to ask for the rest of an answer in several frames."""


class RtuWire:
    """Modbus RTU: unit, function and byte count; a write's echo."""

    def __init__(self, plan: PlanLine) -> None:
        self.first_contact_s = max(plan.gateway_timeout_s, RTU_FIRST_CONTACT_S)
        self._parser = rtu.Parser()

    @property
    def noise_bytes(self) -> int:
        return self._parser.noise_bytes

    @property
    def bad_frames(self) -> int:
        return self._parser.bad_frames

    def address(self, meter: PlanMeter) -> Hashable:
        return meter.unit

    def encode(self, meter: PlanMeter, request: Request) -> bytes:
        return rtu.encode(meter.unit, modbus.encode(_modbus(request)))

    def kind(self, request: Request) -> Hashable:
        return _modbus(request).function

    def signature(self, request: Request) -> Hashable:
        return modbus.answer_bytes(_modbus(request))

    def feed(self, data: bytes) -> list[Heard]:
        self._parser.feed(data)
        found = []
        while (frame := self._parser.next()) is not None:
            function, size = frame.pdu[0], len(frame.pdu)
            signature = None if function & modbus.EXCEPTION else size
            kind = function & ~modbus.EXCEPTION
            found.append(Heard(frame.unit, kind, signature, size + rtu.OVERHEAD_BYTES, frame))
        return found

    def clear(self) -> None:
        self._parser.clear()

    def answers(self, meter: PlanMeter, request: Request, heard: Heard) -> bool:
        frame = heard.frame
        assert isinstance(frame, rtu.Frame)
        return frame.unit == meter.unit and modbus.answers(_modbus(request), frame.pdu)

    def decode(self, request: Request, heard: Heard) -> Sequence[int]:
        assert isinstance(heard.frame, rtu.Frame)
        return modbus.decode(_modbus(request), heard.frame.pdu)

    def follow(self, request: Request, heard: Heard) -> Request | None:
        return None


class Dlt645Wire:
    """DL/T 645-2007: address, control code, identifier and sequence number."""

    def __init__(self, plan: PlanLine) -> None:
        self.first_contact_s = DLT645_FIRST_CONTACT_S
        self._parser = dlt645.Parser()

    @property
    def noise_bytes(self) -> int:
        return self._parser.noise_bytes

    @property
    def bad_frames(self) -> int:
        return self._parser.bad_frames

    def address(self, meter: PlanMeter) -> Hashable:
        return meter.address

    def encode(self, meter: PlanMeter, request: Request) -> bytes:
        return dlt645.encode(meter.address, _dlt645(request), meter.control_password, meter.operator)

    def kind(self, request: Request) -> Hashable:
        if isinstance(request, dlt645.Read):
            return "follow" if request.follow else "read"
        return "control"

    def signature(self, request: Request) -> Hashable:
        if isinstance(request, dlt645.Read):
            return request.identifier, request.follow
        return ()

    def feed(self, data: bytes) -> list[Heard]:
        self._parser.feed(data)
        found = []
        while (frame := self._parser.next()) is not None:
            found.append(_heard(frame))
        return found

    def clear(self) -> None:
        self._parser.clear()

    def answers(self, meter: PlanMeter, request: Request, heard: Heard) -> bool:
        assert isinstance(heard.frame, dlt645.Frame)
        return dlt645.answers(meter.address, _dlt645(request), heard.frame)

    def decode(self, request: Request, heard: Heard) -> Sequence[int]:
        assert isinstance(heard.frame, dlt645.Frame)
        return dlt645.decode(_dlt645(request), heard.frame)

    def follow(self, request: Request, heard: Heard) -> Request | None:
        """Raises Rejected when an answer has no end."""
        assert isinstance(heard.frame, dlt645.Frame)
        if not isinstance(request, dlt645.Read) or not dlt645.has_more(heard.frame):
            return None
        if request.follow >= MAX_FOLLOWING:
            raise Rejected(dlt645.NO_SUCH_DATA)
        return replace(request, follow=request.follow + 1)


_READ_NEXT, _CONTROL = 0x12, 0x1C
_KINDS = {0x11: "read", _READ_NEXT: "follow", _CONTROL: "control"}


def _heard(frame: dlt645.Frame) -> Heard:
    characters = dlt645.HEAD + len(frame.data) + dlt645.TAIL
    code = frame.control & ~(dlt645.ANSWER | dlt645.ERROR | dlt645.MORE)
    signature: Hashable | None = ()
    if frame.control & dlt645.ERROR:
        signature = None
    elif code != _CONTROL:
        identifier = int.from_bytes(frame.data[: dlt645.IDENTIFIER], "little")
        signature = identifier, frame.data[-1] if code == _READ_NEXT and frame.data else 0
    return Heard(frame.address, _KINDS.get(code, code), signature, characters, frame)


def _modbus(request: Request) -> modbus.Request:
    if not isinstance(request, modbus.Read | modbus.Write):
        raise TypeError(f"not a Modbus request: {request!r}")
    return request


def _dlt645(request: Request) -> dlt645.Request:
    if not isinstance(request, dlt645.Read | dlt645.Control | dlt645.Broadcast):
        raise TypeError(f"not a DL/T 645 request: {request!r}")
    return request
