"""The people of the simulated WeChat: who they are to each app, whom they follow, what they allow (用户)."""

import base64
import hashlib
from dataclasses import dataclass, field

from simulator.wechat_names import WorldNames


@dataclass
class Person:
    """Someone with a phone. Openids come from name and app, so a restarted world knows everyone again."""

    name: str
    openid: str  # Under the mini-program.
    service_openid: str  # Under the service account.
    unionid: str
    phone: str = ""
    follows: bool = False  # The service account (关注).
    blocks: bool = False  # Has blocked the service account's messages: the receipt says "user block".
    consents: dict[str, int] = field(default_factory=dict)  # Template id -> subscribe messages allowed.


class People:
    """Everyone known to this world."""

    def __init__(self, names: WorldNames) -> None:
        self._names = names
        self._by_name: dict[str, Person] = {}
        self._by_openid: dict[str, Person] = {}

    def meet(self, name: str, *, phone: str = "", follows: bool | None = None) -> Person:
        """Return the person of this name, making them at the first call; what is given is set."""
        person = self._by_name.get(name)
        if person is None:
            person = Person(
                name,
                _openid(self._names.mini_program.appid, name),
                _openid(self._names.service_account.appid, name),
                _openid("union", name),
            )
            self._by_name[name] = person
            self._by_openid[person.openid] = person
            self._by_openid[person.service_openid] = person
        person.phone = phone or person.phone
        person.follows = person.follows if follows is None else follows
        return person

    def find(self, openid: str) -> Person | None:
        """Find someone by either openid."""
        return self._by_openid.get(openid)

    def named(self, name: str) -> Person | None:
        return self._by_name.get(name)

    def everyone(self) -> list[Person]:
        return list(self._by_name.values())

    def is_payer(self, openid: str) -> bool:
        """Tell whether a payer of this openid exists under the mini-program."""
        person = self._by_openid.get(openid)
        return person is not None and person.openid == openid


def _openid(scope: str, name: str) -> str:
    digest = hashlib.sha256(f"{scope}\n{name}".encode()).digest()
    return "o" + base64.urlsafe_b64encode(digest).decode()[:27]
