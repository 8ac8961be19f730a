"""An account's terms (户的条件): warning levels, overdraft and restore level, the site's or its own.

The account's row holds what counts for it. Names in `own_terms` are the shop's own; all others follow the
site's policy whenever that changes.
"""

from collections.abc import Sequence

import msgspec

from backend.models.accounts import Account
from backend.services.site_policy import SitePolicy

CHANGE_TERMS = "staff.policy.change_terms"
TERMS = ("low_fen", "low_days", "critical_fen", "critical_days", "overdraft_fen", "restore_level_fen")


def terms_of(policy: SitePolicy) -> dict[str, int]:
    """Return what an account gets that has no terms of its own; for whoever opens one."""
    return {name: getattr(policy, name) for name in TERMS}


def own_terms(account: Account) -> list[str]:
    return msgspec.json.decode(account.own_terms, type=list[str])


def own_text(names: Sequence[str]) -> str:
    """Write which terms are a shop's own as the column holds it."""
    return msgspec.json.encode([name for name in TERMS if name in names]).decode()


def set_own(account: Account, names: Sequence[str]) -> None:
    account.own_terms = own_text(names)


def follow_policy(account: Account, policy: SitePolicy) -> list[str]:
    """Let an account's terms follow the site's policy where they are not its own; return what changed."""
    own = own_terms(account)
    changed = []
    for name, value in terms_of(policy).items():
        if name not in own and getattr(account, name) != value:
            setattr(account, name, value)
            changed.append(name)
    return changed
