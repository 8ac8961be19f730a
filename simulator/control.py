"""The mall process's control API on loopback: faults in, truth out (控制接口).

    GET  /truth[?serial=…]  what is really the case at every meter, or one
    GET  /lines             where each line is reached and how it was used since its mark
    GET  /moves             the newest movements of contacts
    POST /mark              begin to measure the use of all lines
    GET  /switches          the names of all faults, by subject, with the kind of value that they take
    POST /switch            {"meter" | "line" | "gateway": code, "fault": name, "on": bool | "value": number}

Not part of the product: it exists so that tests and demonstrations can break things.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from simulator.gateway import GATEWAY_SWITCHES, LINE_SWITCHES
from simulator.mall import Mall, Truth
from simulator.meter_switches import SWITCHES
from simulator.web import Response, json_object, json_response

SUBJECTS = ("meter", "line", "gateway")


class MallControl:
    """A `simulator.web.Server` around a mall."""

    def __init__(self, mall: Mall) -> None:
        self._mall = mall

    async def respond(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Response:
        parts = urlsplit(target)
        query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
        try:
            match method, parts.path:
                case "GET", "/truth":
                    return json_response(200, self._truth(query.get("serial")))
                case "GET", "/lines":
                    return json_response(200, {"lines": self._lines()})
                case "GET", "/moves":
                    return json_response(200, {"moves": self._moves()})
                case "GET", "/switches":
                    return json_response(200, switch_names())
                case "POST", "/mark":
                    self._mall.mark_lines()
                    return json_response(200, {"marked_at": self._mall.clock.now().isoformat()})
                case "POST", "/switch":
                    await self._switch(json_object(body))
                    return json_response(200, {"at": self._mall.clock.now().isoformat()})
        except KeyError as error:
            return json_response(404, {"message": f"no such meter, line or gateway: {error}"})
        except (ValueError, json.JSONDecodeError) as error:
            return json_response(422, {"message": str(error)})
        return json_response(404, {"message": f"no such operation: {method} {parts.path}"})

    def _truth(self, serial: str | None) -> dict[str, Any]:
        if serial is not None:
            return _truth_json(self._mall.truth(serial))
        now = self._mall.clock.now()
        return {
            "at": now.isoformat(),
            "meters": [_truth_json(self._mall.truth(each, now)) for each in self._mall.meters],
        }

    def _lines(self) -> list[dict[str, Any]]:
        found = []
        for line in self._mall.lines:
            use = self._mall.line_use(line.code)
            found.append({**asdict(line), "use": {**asdict(use), "share": use.share}})
        return found

    def _moves(self) -> list[dict[str, Any]]:
        now = self._mall.clock.now()
        for serial in self._mall.meters:
            self._mall.truth(serial, now)  # A contact's movement is noticed when its meter is asked.
        return [{**asdict(move), "at": move.at.isoformat()} for move in self._mall.relay_moves]

    async def _switch(self, order: dict[str, Any]) -> None:
        subjects = [name for name in SUBJECTS if name in order]
        if len(subjects) != 1:
            raise ValueError(f"name exactly one of {', '.join(SUBJECTS)}")
        code, fault = order[subjects[0]], order.get("fault")
        value = order["value"] if "value" in order else order.get("on")
        if not isinstance(code, str) or not isinstance(fault, str):
            raise ValueError("the subject and its fault are text")
        if subjects[0] == "meter":
            self._mall.switch_meter(code, fault, value)
        elif subjects[0] == "line":
            self._mall.switch_line(code, fault, value)
        else:
            await self._mall.switch_gateway(code, fault, value)


def switch_names() -> dict[str, dict[str, str]]:
    """Return every switch: "bool" is set with "on", the others with "value"; rates lie between 0 and 1."""
    lines = {name: "bool" if name in ("cut", "half_open") else "float" for name in LINE_SWITCHES}
    return {
        "meter": {name: kind.__name__ for name, (kind, _) in SWITCHES.items()},
        "line": lines,
        "gateway": {**dict.fromkeys(GATEWAY_SWITCHES, "bool"), **lines},
    }


def _truth_json(truth: Truth) -> dict[str, Any]:
    return {
        key: value.isoformat() if isinstance(value, datetime) else value
        for key, value in asdict(truth).items()
    }
