"""The error byte of a DL/T 645 reply (错误信息字)."""


class DltError(Exception):
    """A request that the meter refuses; `byte` is what its reply says."""

    OTHER, NO_SUCH_DATA, NOT_AUTHORISED = 0x01, 0x02, 0x04

    def __init__(self, byte: int) -> None:
        super().__init__(f"error {byte:02x}")
        self.byte = byte
