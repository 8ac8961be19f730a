"""Transformers: what a meter shows is multiplied once, or not at all where the meter does it."""

import pytest

from backend.domain.transformers import EnergySide, Transformers


@pytest.mark.parametrize(
    ("of", "ratios"),
    [
        (Transformers(1), (1, 1, 1)),
        (Transformers(40), (40, 40, 1)),
        (Transformers(40, 100), (4_000, 40, 100)),
        (Transformers(40, 100, EnergySide.PRIMARY), (1, 1, 1)),
    ],
)
def test_energy_current_and_voltage_have_each_their_ratio(
    of: Transformers, ratios: tuple[int, int, int]
) -> None:
    assert (of.ratio, of.current_ratio, of.voltage_ratio) == ratios
