"""What people may say in a site's policy (策略填写内容), checked; refusals name their field."""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from backend.domain.windows import windows_from
from backend.errors import Invalid
from backend.services.site_policy import SitePolicy
from backend.services.terms import TERMS

Money = Annotated[int, Meta(ge=0, le=100_000_000)]
Level = Annotated[int, Meta(ge=-100_000_000, le=100_000_000)]
Days = Annotated[int, Meta(ge=0, le=90)]
Window = Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d-(([01]\d|2[0-3]):[0-5]\d|24:00)$")]


class TermValues(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Warning levels (fen, or days that the money lasts), overdraft, restore level: a shop's terms."""

    low_fen: Level
    low_days: Days
    critical_fen: Level
    critical_days: Days
    overdraft_fen: Money
    restore_level_fen: Level


class PolicyValues(TermValues, frozen=True, kw_only=True, forbid_unknown_fields=True):
    delay_s: Annotated[int, Meta(ge=60, le=86_400)]
    no_trip_windows: Annotated[list[Window], Meta(max_length=6)]
    no_trip_weekends: bool
    no_trip_holidays: bool
    debt_cap_days: Annotated[int, Meta(ge=0, le=60)]
    hoard_limit_fen: Annotated[int, Meta(ge=10_000, le=100_000_000)]


def values_of(policy: SitePolicy) -> PolicyValues:
    return msgspec.convert(
        {name: getattr(policy, name) for name in PolicyValues.__struct_fields__}, PolicyValues
    )


def policy_with(policy: SitePolicy, values: PolicyValues) -> SitePolicy:
    """Return a policy with other values. Raises Invalid where two values contradict one another."""
    fields = problems_of(values)
    for text in values.no_trip_windows:
        ((start, end),) = windows_from([text], False, []).hours
        if start == end and not text.endswith("24:00"):
            fields["no_trip_windows"] = f"时段 {text} 的开始与结束相同"
    if fields:
        raise Invalid(fields=fields)
    return msgspec.structs.replace(policy, **msgspec.structs.asdict(values))


def problems_of(terms: TermValues) -> dict[str, str]:
    """Return what contradicts itself in a shop's terms, by field."""
    fields = {}
    if terms.critical_fen > terms.low_fen:
        fields["critical_fen"] = "二级预警金额不能高于一级"
    if terms.critical_days > terms.low_days:
        fields["critical_days"] = "二级预警天数不能多于一级"
    if terms.restore_level_fen <= -terms.overdraft_fen:
        fields["restore_level_fen"] = "复电金额须高于断电金额（负的透支额度）"
    return fields


def terms_in(values: TermValues) -> dict[str, int]:
    return {name: getattr(values, name) for name in TERMS}
