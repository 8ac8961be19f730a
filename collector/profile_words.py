"""What is wrong with a profile, in the words of those who write one (档案错误说明)."""

import re

NAMES = {
    "register_wh": "示数",
    "period_registers_wh": "尖峰平谷示数",
    "voltage_mv": "电压",
    "current_ma": "电流",
    "power_w": "功率",
    "own_remaining_fen": "表内余额",
    "clock": "表内时钟",
    "period_table": "表内时段表",
    "status": "状态字",
    "frozen": "日冻结",
    "status.load_trip": "负荷跳闸位",
    "relay.trip": "断电指令",
    "relay.restore": "送电指令",
    "relay.permit": "合闸允许指令",
    "relay.release": "保电解除指令",
    "relay.contact": "触点状态位",
}

_EXPLAINED = [
    (r"not UTF-8 text", r"文件不是 UTF-8 编码，请另存为 UTF-8"),
    (r"no profile (\S+) in .*", r"找不到档案 \1"),
    (r"not a profile name: (.*)", r"档案名只能用小写字母、数字和连字符：\1"),
    (r"Object missing required field `(.+?)`(?: - at `\$\.?(.*)`)?", r"缺少必填项 \1（位置：\2）"),
    (
        r"Object contains unknown field `(.+?)`(?: - at `\$\.?(.*)`)?",
        r"没有 \1 这一项，请检查拼写（位置：\2）",
    ),
    (r"Invalid enum value (.+?)(?: - at `\$\.?(.*)`)", r"取值 \1 不在允许范围内（位置：\2）"),
    (r"Invalid value (.+?)(?: - at `\$\.?(.*)`)", r"取值 \1 不在允许范围内（位置：\2）"),
    (r"Expected (.+?), got (.+?)(?: - at `\$\.?(.*)`)", r"应为 \1，实为 \2（位置：\3）"),
    (r"Expected (.+?)(?: - at `\$\.?(.*)`)", r"应为 \1（位置：\2）"),
    (r"(.*) \(at line (\d+), column (\d+)\)", r"第 \2 行第 \3 列 TOML 语法错误：\1"),
    (r"(.*) \(at end of document\)", r"文件末尾 TOML 语法错误：\1"),
    (r"reads: (\S+) \+(\d+) touches a hole", r"reads：从 \1 起的 \2 个寄存器碰到了不可读区 holes"),
    (r"(\S+): (\S+) lies in a hole", r"\1：\2 在不可读区 holes 内"),
    (r"(\S+): (\S+) is in none of the reads", r"\1：\2 不在任何一个 reads 请求内"),
    (r"(\S+): needs four (?:addresses|identifiers).*", r"\1：须依次给出尖、峰、平、谷四项"),
    (r"(\S+): needs one (?:address|identifier)", r"\1：只能给出一项"),
    (r"(\S+): needs rate, hour and minute, each once", r"\1：rate、hour、minute 须各出现一次"),
    (r"(\S+): needs year, .*", r"\1：年、月、日、星期、时、分、秒须各出现一次"),
    (r"(\S+): there is no \[status\] block", r"\1：取自状态块，但档案没有 [status]"),
    (r"(\S+): word (\d+) lies behind the status block of (\d+)", r"\1：第 \2 字超出状态块（共 \3 字）"),
    (r"(\S+): must write exactly the registers that .*", r"\1：写入的寄存器必须与 relay.forced 回读的一致"),
    (r"relay: trip and restore write the same words", r"relay：断电与送电写入的内容相同"),
    (
        r"blocks: (\S+) holds (\S+), which is no quantity",
        r"blocks：数据块 \1 含 \2，但 [quantities] 没有这一标识",
    ),
    (r"blocks: (\S+) is longer than a frame of (\d+) bytes", r"blocks：数据块 \1 超过一帧的 \2 字节"),
    (r"(\S+): (\S+) is already that of (\S+)", r"\1：标识 \2 已用于 \3"),
    (r"relay: there is no \[status\] word .*", r"relay：没有 [status] 状态字，无法回读确认指令"),
    (r"(\S+): cannot be the command (\S+)", r"\1：不能使用指令 \2"),
    (
        r"relay.release: status.held_bit is missing.*",
        r"relay.release：缺少 status.held_bit，无法回读确认保电解除",
    ),
]


def in_chinese(problem: str) -> str:
    """Return a problem in Chinese; one that is not known stays as it is."""
    for pattern, words in _EXPLAINED:
        found = re.fullmatch(pattern, problem)
        if found is not None:
            return found.expand(words).replace("（位置：）", "")
    return problem
