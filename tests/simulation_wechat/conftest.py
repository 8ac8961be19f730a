"""One set of keys for all tests of the simulated WeChat world."""

import random

import pytest

from simulator.keys import WorldKeys, load_or_make_keys
from tests.simulation_wechat.helpers import START


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> WorldKeys:
    return load_or_make_keys(tmp_path_factory.mktemp("world"), START, random.Random(1))
