"""What a line can be asked, whatever its protocol (请求)."""

from collector.protocols import dlt645, modbus

Request = modbus.Read | modbus.Write | dlt645.Read | dlt645.Control | dlt645.Broadcast


def is_command(request: Request) -> bool:
    """Tell whether a request makes a meter do something."""
    return isinstance(request, modbus.Write | dlt645.Control)
