"""A picture of digits that people read and simple programs do not (图形验证码): drawn here, no library.

Each digit is a few strokes in a unit square; they are bent, turned, thickened and crossed by waves, then
written as a grey PNG.
"""

import math
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise

WIDTH, HEIGHT = 160, 56
_GROUND, _INK = 245, 70
_STEP = 0.7  # Pixels between two dots of a stroke.
Uniform = Callable[[float, float], float]  # random.uniform
Point = tuple[float, float]

_STROKES: dict[str, tuple[tuple[Point, ...], ...]] = {
    "2": (((0.1, 0.25), (0.3, 0.02), (0.7, 0.02), (0.9, 0.28), (0.6, 0.6), (0.08, 1.0), (0.95, 1.0)),),
    "3": (((0.1, 0.1), (0.5, 0.0), (0.88, 0.22), (0.45, 0.47), (0.92, 0.72), (0.5, 1.0), (0.08, 0.9)),),
    "4": (((0.62, 0.0), (0.05, 0.68), (0.95, 0.68)), ((0.68, 0.3), (0.66, 1.0))),
    "5": (((0.85, 0.0), (0.2, 0.0), (0.15, 0.42), (0.6, 0.38), (0.9, 0.68), (0.55, 1.0), (0.1, 0.92)),),
    "6": (((0.8, 0.03), (0.3, 0.3), (0.1, 0.7), (0.45, 1.0), (0.88, 0.75), (0.55, 0.48), (0.15, 0.62)),),
    "7": (((0.08, 0.0), (0.92, 0.0), (0.5, 0.5), (0.35, 1.0)), ((0.3, 0.52), (0.75, 0.5))),
    "8": (
        ((0.5, 0.46), (0.15, 0.24), (0.5, 0.0), (0.85, 0.24), (0.5, 0.46)),
        ((0.5, 0.46), (0.08, 0.74), (0.5, 1.0), (0.92, 0.74), (0.5, 0.46)),
    ),
    "9": (((0.85, 0.4), (0.5, 0.55), (0.12, 0.28), (0.5, 0.0), (0.88, 0.25), (0.8, 0.7), (0.4, 1.0)),),
}
DIGITS = "".join(_STROKES)  # Without 0 and 1, which look like letters.


def draw(text: str, uniform: Uniform) -> bytes:
    """Return a PNG of WIDTH × HEIGHT with the digits of `text`, each time another one.

    uniform: random.uniform of a good source. Raises KeyError for a digit that is not drawn.
    """
    rows = [bytearray([_GROUND]) * WIDTH for _ in range(HEIGHT)]
    slot = (WIDTH - 20) / len(text)
    for number, digit in enumerate(text):
        left = 12 + number * slot + uniform(-3, 3)
        for stroke in _placed(_STROKES[digit], left, slot * uniform(0.62, 0.78), uniform):
            _paint(rows, stroke, uniform(1.3, 2.1))
    for _ in range(2):
        _paint(rows, _wave(uniform), uniform(0.4, 0.8))
    for _ in range(160):
        rows[int(uniform(0, HEIGHT - 1))][int(uniform(0, WIDTH - 1))] = int(uniform(90, 210))
    return _png(rows)


def _placed(
    strokes: Iterable[tuple[Point, ...]], left: float, width: float, uniform: Uniform
) -> Iterator[list[Point]]:
    """Turn, lean and shift the strokes of one digit."""
    turn, lean = uniform(-0.3, 0.3), uniform(-0.25, 0.25)
    height, top = uniform(31, 38), uniform(7, 12)
    for stroke in strokes:
        placed = []
        for x, y in stroke:
            down = (y - 0.5 + uniform(-0.05, 0.05)) * height
            right = (x - 0.5 + uniform(-0.06, 0.06) + lean * (y - 0.5)) * width
            turned_x = right * math.cos(turn) - down * math.sin(turn)
            turned_y = right * math.sin(turn) + down * math.cos(turn)
            placed.append((left + width / 2 + turned_x, top + height / 2 + turned_y))
        yield placed


def _wave(uniform: Uniform) -> list[Point]:
    middle, high, long, shift = uniform(14, 42), uniform(4, 11), uniform(30, 70), uniform(0, 6)
    return [(x, middle + high * math.sin(x / long * 2 * math.pi + shift)) for x in range(0, WIDTH, 4)]


def _paint(rows: list[bytearray], stroke: list[Point], thick: float) -> None:
    """Put dots along a stroke; its corners are rounded off by running through the middles of its lines."""
    for x, y in _along(stroke):
        for row in range(max(0, int(y - thick)), min(HEIGHT, int(y + thick) + 2)):
            for column in range(max(0, int(x - thick)), min(WIDTH, int(x + thick) + 2)):
                far = math.hypot(column - x, row - y) - thick
                if far < 1:
                    shade = _INK if far <= 0 else int(_INK + (_GROUND - _INK) * far)
                    rows[row][column] = min(rows[row][column], shade)


def _along(stroke: list[Point]) -> Iterator[Point]:
    middles = [((a[0] + b[0]) / 2, (a[1] + b[1]) / 2) for a, b in pairwise(stroke)]
    yield from _line(stroke[0], middles[0])
    for corner, before, after in zip(stroke[1:], middles, middles[1:], strict=False):
        steps = max(2, int((math.dist(before, corner) + math.dist(corner, after)) / _STEP))
        for number in range(steps):
            t = number / steps
            yield (
                (1 - t) ** 2 * before[0] + 2 * t * (1 - t) * corner[0] + t * t * after[0],
                (1 - t) ** 2 * before[1] + 2 * t * (1 - t) * corner[1] + t * t * after[1],
            )
    yield from _line(middles[-1], stroke[-1])


def _line(start: Point, end: Point) -> Iterator[Point]:
    steps = max(1, int(math.dist(start, end) / _STEP))
    for number in range(steps + 1):
        t = number / steps
        yield start[0] + (end[0] - start[0]) * t, start[1] + (end[1] - start[1]) * t


def _png(rows: list[bytearray]) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 0, 0, 0, 0)
    body = zlib.compress(b"".join(b"\0" + bytes(row) for row in rows), 6)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
