"""A site's own folder of profiles holds whatever people put there."""

from pathlib import Path

from collector.shelf import Shelf
from simulator.meter import DDSY1352
from tests.collector.test_growth import OWN

COMMENT = "# 电表档案\n" + OWN.format(step=1)


def test_a_file_in_another_coding_is_reported_and_harms_nothing(tmp_path: Path) -> None:
    (tmp_path / "acme-1.toml").write_bytes(COMMENT.encode("gbk"))
    shelf = Shelf([tmp_path])

    assert not shelf.use("acme-1")
    assert shelf.problem("acme-1") == "acme-1.toml：文件不是 UTF-8 编码，请另存为 UTF-8"
    assert DDSY1352 in shelf.report()
    assert "acme-1" not in shelf.report()

    (tmp_path / "acme-1.toml").write_text(COMMENT, encoding="utf-8")
    assert shelf.look() == {"acme-1"}
    assert shelf.report()["acme-1"] == ["modbus"]
