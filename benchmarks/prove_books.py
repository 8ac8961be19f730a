"""Compare the ledger with what was really paid, and look for anything booked twice (核对账目)."""

from collections.abc import Iterable
from dataclasses import dataclass

from backend.services.verify_books import verify_books
from backend.store import rows

_BOOKED_SQL = (
    "SELECT e.cause, t.order_no, t.state, p.amount_fen FROM entry e"
    " JOIN posting p ON p.entry_id = e.id AND p.ledger_account LIKE ?"
    " LEFT JOIN top_up t ON t.entry_id = e.id WHERE e.kind = 'TOP_UP' ORDER BY e.id"
)


@dataclass(frozen=True)
class Paid:
    """One payment as the channel knows it."""

    order_no: str
    transaction_id: str
    amount_fen: int


async def ledger_faults(paid: Iterable[Paid], ledger_key: bytes) -> list[str]:
    """Return what differs between the channel and the ledger, to the fen; [] when nothing does."""
    booked = await rows(_BOOKED_SQL, ["balance:%"])
    by_cause: dict[str, list[tuple[str | None, int]]] = {}
    for row in booked:
        by_cause.setdefault(row["cause"], []).append((row["order_no"], int(row["amount_fen"])))
    faults = [f"{cause} is booked {len(found)} times" for cause, found in by_cause.items() if len(found) > 1]
    real = {f"wechat:{each.transaction_id}": each for each in paid}
    faults += [
        f"{each.order_no} is paid and not booked" for cause, each in real.items() if cause not in by_cause
    ]
    faults += [f"{cause} is booked and was never paid" for cause in by_cause if cause not in real]
    faults += [
        f"{cause}: {found[0]} in the ledger, {(real[cause].order_no, real[cause].amount_fen)} at the channel"
        for cause, found in by_cause.items()
        if cause in real and found[0] != (real[cause].order_no, real[cause].amount_fen)
    ]
    return [*faults, *await _twice(), *await verify_books(ledger_key)]


async def _twice() -> list[str]:
    """Find an order booked by two entries, and a payment that ordered one meter's restore twice."""
    orders = await rows("SELECT order_no, COUNT(*) AS n FROM top_up GROUP BY order_no HAVING COUNT(*) > 1")
    restores = await rows(
        "SELECT cause, meter_id, COUNT(*) AS n FROM supply_order WHERE cause LIKE ?"
        " GROUP BY cause, meter_id HAVING COUNT(*) > 1",
        ["top_up:%"],
    )
    return [
        *(f"order {row['order_no']} stands {row['n']} times" for row in orders),
        *(f"{row['cause']} ordered {row['n']} restores of meter {row['meter_id']}" for row in restores),
    ]


async def money_now() -> list[tuple[object, ...]]:
    """Return all that a booking would change: entries, postings, orders, balances, work, supply."""
    parts = (
        "SELECT 'entry', id, cause, digest FROM entry ORDER BY id",
        "SELECT 'posting', id, ledger_account, amount_fen FROM posting ORDER BY id",
        "SELECT 'top_up', id, state, transaction_id FROM top_up ORDER BY id",
        "SELECT 'account', id, settled_fen, chain_head FROM account ORDER BY id",
        "SELECT 'outbox', id, kind, payload FROM outbox ORDER BY id",
        "SELECT 'supply', meter_id, generation, desired FROM supply ORDER BY meter_id",
    )
    found: list[tuple[object, ...]] = []
    for sql in parts:
        found += [tuple(row.values()) for row in await rows(sql)]
    return found
