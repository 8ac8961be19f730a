"""Who rents in the simulated mall: names, floors, classes and the meters that suit them (商铺).

All names and telephone numbers are invented.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from simulator.meter import DDSY1352, DTSD1352, DTSY1352

FLOORS = 5
PHONE_PREFIX = "139001"


@dataclass(frozen=True)
class Fitting:
    """The meter that suits a class of load: model, ratio (倍率) and rated power on the primary side."""

    profile: str
    ct_ratio: int
    rated_power_w: int
    power_limit_w: int | None = None


# 10(60) A at 220 V: 13.2 kW a phase. Through transformers: 3 × 220 V × the primary current.
SINGLE_60_A = 13_200
THREE_60_A = 39_600
FITTINGS = {
    "kiosk": Fitting(DDSY1352, 1, SINGLE_60_A, power_limit_w=3_000),
    "clothes": Fitting(DDSY1352, 1, SINGLE_60_A, power_limit_w=10_000),
    "drinks": Fitting(DTSY1352, 1, THREE_60_A, power_limit_w=25_000),
    "restaurant": Fitting(DTSY1352, 30, 99_000),  # 150/5
    "ktv": Fitting(DTSY1352, 50, 165_000),  # 250/5
    "cinema": Fitting(DTSY1352, 120, 396_000),  # 600/5
    "supermarket": Fitting(DTSY1352, 120, 396_000),
    "lighting": Fitting(DTSD1352, 1, THREE_60_A),
    "lift": Fitting(DTSD1352, 1, THREE_60_A),
    "escalator": Fitting(DTSD1352, 1, THREE_60_A),
    "pump": Fitting(DTSD1352, 20, 66_000),  # 100/5
    "ventilation": Fitting(DTSD1352, 20, 66_000),
    "sign": Fitting(DTSD1352, 1, THREE_60_A),
}

# Class, how many of 300 shops, in the order in which they fill the floors from below.
SHOP_MIX = (
    ("supermarket", 2),
    ("kiosk", 60),
    ("clothes", 132),
    ("drinks", 48),
    ("restaurant", 52),
    ("ktv", 4),
    ("cinema", 2),
)
PUBLIC_PLACES = (
    ("lighting", "公共照明"),
    ("lift", "客梯"),
    ("escalator", "自动扶梯"),
    ("ventilation", "新风机组"),
    ("sign", "户外广告"),
    ("lighting", "走廊照明"),
    ("pump", "给水泵"),
    ("lift", "货梯"),
    ("lighting", "应急照明"),
    ("ventilation", "排烟风机"),
)

_FIRST_WORDS = (
    "锦绣", "雅韵", "云裳", "星辰", "悦然", "青禾", "梧桐", "知夏", "初见", "南巷", "半山", "花间",
    "拾光", "万象", "木棉", "听雨", "归来", "小满", "山海", "清欢", "阿杏", "禾木", "蓝田", "晨曦",
    "剑江", "匀城", "毛尖", "苗岭", "龙潭", "斗篷山", "桥城", "西山",
)  # fmt: skip
_TRADES = {
    "kiosk": ("手机配件", "眼镜", "钟表", "饰品", "花艺", "彩妆"),
    "clothes": ("女装", "男装", "童装", "鞋业", "内衣", "运动装", "箱包"),
    "drinks": ("奶茶", "烘焙", "咖啡", "鲜果茶", "甜品"),
    "restaurant": ("火锅", "酸汤鱼", "烤鱼", "黔菜馆", "牛肉粉", "烧烤", "自助餐", "米线"),
    "ktv": ("量贩KTV",),
    "cinema": ("国际影城",),
    "supermarket": ("生活超市",),
}
_SURNAMES = "王李张刘陈杨黄赵吴周罗蒙韦陆石潘龙岑"
_GIVEN_NAMES = ("秀英", "建国", "丽", "伟", "芳", "强", "敏", "勇", "艳", "杰", "小梅", "志远", "雪", "国庆")


@dataclass(frozen=True)
class Shop:
    """One rented place with the person to call."""

    code: str
    name: str
    floor: str
    shop_class: str
    area: int  # 0 for area A: the shaft that feeds it.
    contact_name: str
    contact_phone: str
    power_limit_w: int | None


def draw_shops(seed: str, count: int, areas: int) -> list[Shop]:
    """Draw `count` shops over five floors and `areas` areas (one shaft each), in order of area and floor.

    Names, codes and telephone numbers are unique; the same seed gives the same shops.
    """
    drawn = random.Random(f"{seed}:shops")
    names = {name: _names(drawn, trades) for name, trades in _TRADES.items()}
    places: dict[tuple[int, int], int] = {}
    shops = []
    for number, shop_class in enumerate(_classes(count)):
        floor = 1 + number * FLOORS // max(count, 1)
        area = number % areas
        place = places[area, floor] = places.get((area, floor), 0) + 1
        shops.append(
            Shop(
                code=f"{area_letter(area)}{floor}{place:02d}",
                name=next(names[shop_class]),
                floor=f"{floor}F",
                shop_class=shop_class,
                area=area,
                contact_name=drawn.choice(_SURNAMES) + drawn.choice(_GIVEN_NAMES),
                contact_phone=f"{PHONE_PREFIX}{number + 1:05d}",
                power_limit_w=FITTINGS[shop_class].power_limit_w,
            )
        )
    return sorted(shops, key=lambda shop: (shop.area, shop.floor, shop.code))


def area_letter(area: int) -> str:
    return chr(ord("A") + area)


def public_place(number: int, area: int) -> tuple[str, str]:
    """Return (class, what stands on the label) of an area's public meter, counted from 0."""
    load_class, what = PUBLIC_PLACES[number % len(PUBLIC_PLACES)]
    floor = 1 + number % FLOORS
    again = number // len(PUBLIC_PLACES)
    return load_class, f"{area_letter(area)}区 {floor}F {what}{again + 1 if again else ''}"


def _classes(count: int) -> list[str]:
    """Share shops out by the mix: cut at the rounded running sum, so that the total is exact."""
    whole = sum(share for _, share in SHOP_MIX)
    classes: list[str] = []
    running = 0
    for name, share in SHOP_MIX:
        running += share
        classes += [name] * (running * count // whole - len(classes))
    return classes


def _names(drawn: random.Random, trades: Sequence[str]) -> Iterator[str]:
    """Yield unique names of a trade; numbered branches when the words run out."""
    names = [first + trade for first in _FIRST_WORDS for trade in trades]
    drawn.shuffle(names)
    yield from names
    branch = 2
    while True:
        for name in names:
            yield f"{name}{branch}店"
        branch += 1
