"""What an integrator sees of a profile: what it asks, how long that takes, or what is wrong with it."""

import re
from pathlib import Path

import pytest

from collector.layout import layout_of
from collector.profile import SHIPPED, parse_profile
from collector.profile_check import check_profiles
from collector.protocols.modbus import Read
from collector.values import Part

GUIDE = Path(__file__).parents[2] / "docs" / "add-a-meter-model.md"
EXAMPLES = dict(
    re.findall(r"```toml\n# ([a-z0-9-]+)\.toml\. .*?\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
)
HEAD = 'protocol = "modbus"\nword_order = "high-first"\n'
ENERGY = '[quantities]\nregister_wh = { at = 0, type = "u32", step = 10 }\n'


def said(*files: Path) -> tuple[int, str]:
    lines: list[str] = []
    code = check_profiles(files, lines.append)
    return code, "\n".join(lines)


@pytest.mark.parametrize("file", sorted(SHIPPED.glob("*.toml")), ids=lambda file: str(file.stem))
def test_a_shipped_profile_is_said_to_be_usable(file: Path) -> None:
    code, text = said(file)

    assert code == 0
    assert "可用" in text
    assert "每轮抄读" in text


def test_requests_line_time_relay_frames_and_what_is_unconfirmed_are_shown() -> None:
    _, text = said(SHIPPED / "acrel-ddsy1352.toml")

    assert "功能码 03，0x0000 起 14 个寄存器  9600 波特 80 ms" in text
    assert "断电  01 10 00 57 00 02 04 00 01 00 01" in text
    assert "触点状态位（relay.contact）" in text


def test_no_frame_of_a_dlt645_profile_has_the_control_code_that_clears_a_meter() -> None:
    _, text = said(SHIPPED / "dlt645-2007-3p.toml")

    frames = re.findall(r"68 (?:[0-9A-F]{2} ){6}68 ([0-9A-F]{2})", text)
    assert frames == ["1C"] * 4


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("bad", "protocol = ", "文件末尾 TOML 语法错误"),
        ("bad", HEAD + "holes = [1,,2]\n", "第 3 行第 12 列 TOML 语法错误"),
        ("bad", HEAD, "缺少必填项 quantities"),
        ("bad", HEAD + ENERGY + "volts = 3\n", "没有 volts 这一项，请检查拼写（位置：quantities）"),
        (
            "bad",
            HEAD + ENERGY.replace("u32", "u33"),
            "取值 'u33' 不在允许范围内（位置：quantities.register_wh",
        ),
        ("bad", HEAD + ENERGY.replace("at = 0", 'at = "x"'), "位置：quantities.register_wh"),
        ("bad", HEAD + "holes = [{ at = 1, words = 1 }]\n" + ENERGY, "0x0000 在不可读区 holes 内"),
        ("Bad Name", HEAD + ENERGY, "档案名只能用小写字母、数字和连字符"),
        ("bad", 'protocol = "mbus"\n' + ENERGY, "取值 'mbus' 不在允许范围内"),
        (
            "bad",
            'protocol = "dlt645"\n[quantities]\nregister_wh = { di = 1, bytes = 4 }\n'
            '[relay]\ntrip = { command = "trip" }\nrestore = { command = "restore" }\n',
            "没有 [status] 状态字，无法回读确认指令",
        ),
        (
            "bad",
            'protocol = "dlt645"\n[quantities]\nregister_wh = { di = 1, bytes = 4 }\n[status]\ndi = 2\n'
            'contact_bit = 4\n[relay]\ntrip = { command = "hold" }\nrestore = { command = "restore" }\n',
            "取值 'hold' 不在允许范围内（位置：relay.trip.command",
        ),
        (
            "bad",
            'protocol = "dlt645"\nblocks = [{ di = 9, holds = [1, 2] }]\n'
            "[quantities]\nregister_wh = { di = 1, bytes = 4 }\n",
            "数据块 00000009 含 00000002",
        ),
    ],
)
def test_a_wrong_file_is_explained_in_chinese_with_its_row(
    tmp_path: Path, name: str, text: str, what: str
) -> None:
    file = tmp_path / f"{name}.toml"
    file.write_text(text, encoding="utf-8")

    code, shown = said(file, SHIPPED / "generic-modbus.toml")

    assert code == 2
    assert what in shown
    assert "generic-modbus.toml：可用" in shown


def test_a_file_that_cannot_be_read_is_said_so(tmp_path: Path) -> None:
    assert said(tmp_path / "none.toml")[0] == 2


@pytest.mark.parametrize("name", ["acme-pm120", "acme-d645"])
def test_the_guides_examples_are_sound(name: str, tmp_path: Path) -> None:
    file = tmp_path / f"{name}.toml"
    file.write_text(EXAMPLES[name], encoding="utf-8")

    assert said(file)[0] == 0


def test_the_guides_float_meter_is_read_by_function_code_4_alone() -> None:
    layout = layout_of(parse_profile("acme-pm120.toml", EXAMPLES["acme-pm120"]))
    money, rest = layout.parts[Part.MONEY], layout.parts[Part.ELECTRICAL]
    assert (money, rest) == (
        (Read(0x0000, 2, 4), Read(0x0018, 2, 4)),
        (Read(0x0006, 6, 4), Read(0x0012, 6, 4)),
    )

    # 12345.5 kWh, 1.25 kW, 230 V and 2 A a phase; low word first.
    values = layout.values(
        [
            (money[0], [0xE600, 0x4640]),
            (money[1], [0x0000, 0x3FA0]),
            (rest[0], [0x0000, 0x4366] * 3),
            (rest[1], [0x0000, 0x4000] * 3),
        ]
    )

    assert (values.register_wh, values.power_w) == (12_345_500, 1_250)
    assert (values.voltage_mv, values.current_ma) == ((230_000,) * 3, (2_000,) * 3)
