"""Tortoise tables, one concept a file. Readings and rollups are plain SQL: see backend/readings_store.py."""

MODEL_MODULES = [
    "backend.models.site",
    "backend.models.meters",
    "backend.models.accounts",
    "backend.models.openings",
    "backend.models.tariffs",
    "backend.models.ledger",
    "backend.models.supply",
    "backend.models.power",
    "backend.models.payments",
    "backend.models.receipts",
    "backend.models.messages",
    "backend.models.people",
    "backend.models.audit",
    "backend.models.operations",
    "backend.models.exports",
]
