"""What becomes of a request when no good answer came, whatever the protocol (应答)."""


class Silent(Exception):
    """Nobody answered in time; `code` is the gateway's word for it, if it said one."""

    def __init__(self, code: int | None = None) -> None:
        super().__init__("no answer" if code is None else f"gateway exception {code:02X}")
        self.code = code


class BadFrame(Exception):
    """What came cannot be: no frame of the protocol, or values that the meter cannot have meant."""


class Rejected(Exception):
    """The meter said no (exception code)."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exception {code:02X}")
        self.code = code
