"""The document that the clients are generated from."""

from enum import StrEnum
from typing import Annotated, Any

import pytest
from msgspec import Meta, Struct
from openapi_spec_validator import OpenAPIV31SpecValidator

from backend.context import Context
from backend.openapi import ids_that_are_no_text, openapi
from backend.routing import Registry, Reply, load_handlers, ok
from tests.edge import sample


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return openapi(sample.sample_registry.operations())


def schema(document: dict[str, Any], name: str) -> dict[str, Any]:
    return dict(document["components"]["schemas"][name])


def operation(document: dict[str, Any], name: str) -> dict[str, Any]:
    return next(
        dict(one)
        for methods in document["paths"].values()
        for one in methods.values()
        if one["operationId"] == name
    )


def test_the_document_is_valid(document: dict[str, Any]) -> None:
    OpenAPIV31SpecValidator(document).validate()


def test_a_request_requires_what_has_no_default(document: dict[str, Any]) -> None:
    assert schema(document, "Body")["required"] == ["amount_fen", "request_id"]


def test_an_answer_always_carries_all_of_its_fields(document: dict[str, Any]) -> None:
    assert schema(document, "AccountView")["required"] == ["account_id", "settled_fen", "note"]


def test_money_is_a_wide_integer_with_its_bounds(document: dict[str, Any]) -> None:
    assert schema(document, "Body")["properties"]["amount_fen"] == {
        "type": "integer",
        "format": "int64",
        "exclusiveMinimum": 0,
        "maximum": 2_000_000,
    }


def test_what_may_be_missing_may_be_null(document: dict[str, Any]) -> None:
    assert schema(document, "AccountView")["properties"]["note"]["anyOf"] == [
        {"type": "string"},
        {"type": "null"},
    ]


def test_an_enum_lists_its_values(document: dict[str, Any]) -> None:
    assert schema(document, "Order")["enum"] == ["newest", "oldest"]


def test_query_parameters_stand_apart_from_the_body(document: dict[str, Any]) -> None:
    parameters = operation(document, "edge.sample.list_accounts")["parameters"]

    assert parameters[0] == {
        "name": "limit",
        "in": "query",
        "required": False,
        "schema": {"type": "integer", "format": "int64", "minimum": 1, "maximum": 100, "default": 20},
    }
    assert parameters[2]["schema"] == {"type": "array", "items": {"type": "string"}}


def test_a_path_parameter_is_required(document: dict[str, Any]) -> None:
    assert operation(document, "edge.sample.trip")["parameters"] == [
        {"name": "meter_id", "in": "path", "required": True, "schema": {"type": "string"}}
    ]


@pytest.mark.parametrize(
    ("name", "security"),
    [
        ("edge.sample.show_account", [{"tenantToken": []}]),
        ("edge.sample.trip", [{"staffSession": [], "staffCsrf": []}]),
        ("edge.sample.push_readings", [{"collectorToken": []}]),
        ("edge.sample.callback", []),
    ],
)
def test_an_operation_names_its_credential(
    document: dict[str, Any], name: str, security: list[dict[str, list[str]]]
) -> None:
    assert operation(document, name)["security"] == security


@pytest.mark.parametrize(
    ("name", "statuses"),
    [
        ("edge.sample.show_account", ["200", "401", "403", "404", "429", "500"]),
        (
            "edge.sample.begin_top_up",
            ["201", "400", "401", "403", "404", "409", "413", "422", "429", "500", "503"],
        ),
        ("edge.sample.trip", ["204", "401", "403", "404", "409", "429", "500", "503"]),
        ("edge.sample.stream", ["200", "422", "500"]),
    ],
)
def test_an_operation_names_its_answers(document: dict[str, Any], name: str, statuses: list[str]) -> None:
    assert sorted(operation(document, name)["responses"]) == statuses


def test_a_refusal_has_a_schema(document: dict[str, Any]) -> None:
    assert schema(document, "Error")["required"] == ["code", "message", "request_id"]


def test_an_id_that_is_a_number_is_found() -> None:
    class Wrong(Struct):
        meter_id: int | None
        id: Annotated[int, Meta(ge=1)]
        paid: bool

    registry = Registry()

    @registry.get("/a", permission="public")
    async def show(ctx: Context) -> Reply[Wrong]:
        raise NotImplementedError

    assert ids_that_are_no_text(openapi(registry.operations())) == ["Wrong.meter_id", "Wrong.id"]


def test_two_structs_of_one_name_are_told_apart() -> None:
    class Kind(StrEnum):
        ONE = "one"

    class Other(StrEnum):
        TWO = "two"

    Other.__name__, Other.__module__ = "Kind", "backend.domain.warnings"
    registry = Registry()

    @registry.get("/a", permission="public")
    async def show(ctx: Context) -> Reply[tuple[Kind, Other]]:
        return ok((Kind.ONE, Other.TWO))

    document = openapi(registry.operations())

    assert {"TestOpenapiKind", "WarningsKind"} <= set(document["components"]["schemas"])
    OpenAPIV31SpecValidator(document).validate()


def test_the_products_document_is_valid_and_its_ids_are_text() -> None:
    document = openapi(load_handlers())

    OpenAPIV31SpecValidator(document).validate()
    assert ids_that_are_no_text(document) == []


def test_an_id_in_an_address_is_text() -> None:
    document = openapi(load_handlers())

    kinds = {
        one["schema"]["type"]
        for methods in document["paths"].values()
        for operation in methods.values()
        for one in operation.get("parameters", [])
        if one["in"] == "path" and one["name"].endswith("_id")
    }

    assert kinds == {"string"}
