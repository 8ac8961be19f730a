"""The one interface between a line and a meter model (表型接口), whatever the protocol behind it."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Protocol

from collector.layout_dlt645 import Dlt645Layout
from collector.layout_modbus import ModbusLayout
from collector.profile import Profile
from collector.profile_modbus import JOIN_GAP_WORDS, ModbusProfile
from collector.requests import Request
from collector.values import Look, Part, Values
from common.wire import Relay

__all__ = ["Layout", "Look", "Part", "Values", "layout_of"]


class Layout(Protocol):
    """What can be asked of one kind of meter, and what its answers mean.

    An answer is a sequence of numbers: register words, or the data bytes behind an identifier.
    """

    @property
    def profile(self) -> Profile: ...

    @property
    def reads(self) -> tuple[Request, ...]:
        """The requests of a full read: MONEY and ELECTRICAL, in the fewest requests known."""

    @property
    def parts(self) -> Mapping[Part, tuple[Request, ...]]:
        """The requests of each class; what an earlier class brings along is not asked again."""

    @property
    def offers(self) -> frozenset[Part]:
        """The parts that there is anything to ask for."""

    @property
    def probe(self) -> Request:
        """The shortest request: is it there at all?"""

    @property
    def load(self) -> Request | None:
        """One request that shows whether load flows; see `flowing`."""

    @property
    def contact(self) -> Request | None:
        """One request that shows the contact; see `look`."""

    @property
    def forced(self) -> Request | None:
        """Without contact: one request that shows what an order has left behind; see `took`."""

    @property
    def release(self) -> Request | None:
        """The order that ends the meter's own keep-supply (保电解除); None where it has none."""

    @property
    def tells_load_trip(self) -> bool:
        """Whether a reading says that the meter's own load control has opened the contact."""

    def order(self, relay: Relay) -> Request | None:
        """Return the order for ON, OFF or PERMITTED; None when the model has none."""

    def look(self, answer: Sequence[int]) -> Look:
        """Return what an answer to `contact` says."""

    def took(self, order: Request, answer: Sequence[int]) -> bool:
        """Tell from an answer to `forced` whether an order has been taken."""

    def flowing(self, answer: Sequence[int]) -> bool | None:
        """Tell from an answer to `load` whether load is seen."""

    def agrees(self, values: Values, relay: Relay, order: Request | None) -> bool | None:
        """Tell whether a reading shows ON or OFF as `order` should have left it; None: cannot say."""

    def shows_clock(self, request: Request) -> bool:
        """Tell whether the answer to a request shows what time it is for the meter."""

    def denied(self, code: int) -> bool:
        """Tell whether a refusal is about the password: trying at once again may lock the meter."""

    def frozen(self, days: int) -> tuple[Request, ...]:
        """Return the requests for what the meter kept at the last so many midnights; () if nothing."""

    def told_by(self, request: Request) -> tuple[Request, ...]:
        """Return the requests that are worth nothing once this one has been refused."""

    def without(self, request: Request | None = None, code: int = 0) -> "Layout | None":
        """Return the layout to go on with after a request was refused (`code`), or (None) after values
        that cannot be. None: nothing else is known to ask."""

    def values(self, answers: Sequence[tuple[Request, Sequence[int]]]) -> Values:
        """Return what the answers say: any parts, MONEY among them. Raises BadFrame."""


@lru_cache(maxsize=512)
def layout_of(profile: Profile, status_at: int | None = None, gap_words: int = JOIN_GAP_WORDS) -> Layout:
    """Return the layout of a profile at a site; the same one for the same meters.

    status_at: site data, see ModbusLayout.
    gap_words: what a request costs on this line, in registers; see gap_words_at.
    """
    if isinstance(profile, ModbusProfile):
        return ModbusLayout(profile, status_at, gap_words)
    return Dlt645Layout(profile)
