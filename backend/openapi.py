"""OpenAPI 3.1 of all operations, made from their structs (接口文档).

Names are stable: a handler's `Body` is called after its operation ("StaffTripBody"), so that the
clients generated from this document change only where the contract does.
"""

import re
from collections.abc import Iterable, Iterator
from types import NoneType
from typing import Any, get_args, get_origin

import msgspec
from msgspec import inspect as mi

from backend.context import CallerKind
from backend.replies import EventStream, Raw
from backend.routing import Operation

Schema = dict[str, Any]
_HANDLERS = ["backend", "handlers"]
_PLAIN_NAMES = {"Body", "View", "Row", "Item", "Page"}
_REF = "#/components/schemas/"
_STATUS_OF_CALL = {"ok": 200, "created": 201, "no_content": 204, "not_modified": 304}
_STATUS_WORDS = {200: "成功", 201: "已创建", 204: "成功，没有内容", 304: "没有变化"}
_ERROR_WORDS = {
    400: "请求内容无法识别",
    401: "请先登录",
    403: "没有权限",
    404: "没有找到，或无权查看",
    409: "当前不能这样操作",
    413: "内容过大",
    422: "填写有误",
    429: "操作太频繁",
    500: "系统内部错误",
    503: "对方尚未答复",
}
# More digits than a script's numbers hold: an id is text wherever a client handles it.
_ID_IN_ADDRESS: Schema = {"type": "string", "pattern": "^[0-9]{1,19}$"}
SECURITY_SCHEMES: dict[str, Schema] = {
    "tenantToken": {"type": "http", "scheme": "bearer", "description": "商户登录后得到的令牌"},
    "collectorToken": {"type": "http", "scheme": "bearer", "description": "采集服务的令牌"},
    "staffSession": {"type": "apiKey", "in": "cookie", "name": "prewatt_session"},
    "staffCsrf": {"type": "apiKey", "in": "header", "name": "X-CSRF-Token"},
}


class Error(msgspec.Struct, frozen=True):
    """Every refusal looks like this. `message` is for people, `code` for programs."""

    code: str
    message: str
    request_id: str
    fields: dict[str, str] | msgspec.UnsetType = msgspec.UNSET


def openapi(operations: Iterable[Operation], *, version: str = "1") -> Schema:
    """Return the document as plain JSON values. Raises TypeError for what JSON Schema cannot say."""
    listed = list(operations)
    components = _Components(listed)
    paths: dict[str, dict[str, Schema]] = {}
    for operation in listed:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, components)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "预电 Prewatt",
            "version": version,
            "description": "金额为整数分（_fen），电量为整数瓦时（_wh），时间为 UTC，编号为文字。",
        },
        "paths": paths,
        "components": {
            "schemas": components.schemas,
            "securitySchemes": SECURITY_SCHEMES,
            "responses": {str(status): _error_response(words) for status, words in _ERROR_WORDS.items()},
        },
    }


def ids_that_are_no_text(document: Schema) -> list[str]:
    """Return "Struct.field" for each id that is a number: a browser would round it."""
    return [
        f"{name}.{key}"
        for name, schema in document["components"]["schemas"].items()
        for key, one in schema.get("properties", {}).items()
        if (key == "id" or key.endswith("_id"))
        and "integer" in [part.get("type") for part in [one, *one.get("anyOf", [])]]
    ]


def _error_response(words: str) -> Schema:
    return {"description": words, "content": {"application/json": {"schema": {"$ref": f"{_REF}Error"}}}}


def _operation(operation: Operation, components: "_Components") -> Schema:
    found: Schema = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": [operation.name.partition(".")[0]],
        "x-permission": operation.permission,
        "x-listener": operation.listener.value,
    }
    if operation.audited:
        found["x-audited"] = True
    if operation.idempotent:
        found["x-idempotency-field"] = operation.idempotent
    parameters = [
        *_parameters("path", operation.path_type, components),
        *_parameters("query", operation.query_type, components),
    ]
    if parameters:
        found["parameters"] = parameters
    if operation.body_type is not None:
        content = {"application/json": {"schema": components.of(operation.body_type)}}
        found["requestBody"] = {"required": not operation.body_optional, "content": content}
    found["responses"] = _responses(operation, components)
    found["security"] = _security(operation)
    return found


def _parameters(where: str, struct: type[msgspec.Struct], components: "_Components") -> Iterator[Schema]:
    for one in msgspec.structs.fields(struct):
        schema = components.of(one.type)
        options = [option for option in schema.get("anyOf", []) if option != {"type": "null"}]
        if len(options) == 1:  # A parameter is left out, never null.
            schema = options[0]
        if one.default is not msgspec.NODEFAULT and one.default is not None:
            schema = {**schema, "default": msgspec.to_builtins(one.default)}
        if where == "path" and one.encode_name.endswith("_id") and schema.get("type") == "integer":
            schema = _ID_IN_ADDRESS
        yield {"name": one.encode_name, "in": where, "required": one.required, "schema": schema}


def _responses(operation: Operation, components: "_Components") -> Schema:
    responses: Schema = {}
    for status in _statuses(operation):
        responses[str(status)] = {"description": _STATUS_WORDS[status]}
        content = _content(operation, components)
        if content and status not in (204, 304):
            responses[str(status)]["content"] = content
    errors = {500}
    if operation.kind is not CallerKind.PUBLIC:
        errors |= {401, 403, 429}
    if "{" in operation.path:
        errors |= {404}
    if operation.body_type is not None:
        errors |= {400, 413, 422}
    if operation.query_type.__struct_fields__:
        errors |= {422}
    if operation.method != "GET":
        errors |= {409, 503}
    for status in sorted(errors):
        responses[str(status)] = {"$ref": f"#/components/responses/{status}"}
    return responses


def _statuses(operation: Operation) -> list[int]:
    """Return the statuses that a handler answers, by the reply functions that its code names."""
    code = getattr(operation.handler, "__code__", None)
    names = code.co_names if code is not None else ()
    found = sorted({_STATUS_OF_CALL[name] for name in names if name in _STATUS_OF_CALL})
    if not found or found == [304]:
        found = [204 if _value_type(operation) is NoneType else 200, *found]
    return found


def _value_type(operation: Operation) -> Any:
    """Return T of Reply[T]; None for bytes and streams."""
    return get_args(operation.result)[0] if get_origin(operation.result) else None


def _content(operation: Operation, components: "_Components") -> Schema:
    if operation.result is EventStream:
        return {"text/event-stream": {"schema": {"type": "string"}}}
    if operation.result is Raw:
        return {"*/*": {"schema": {}}}
    value = _value_type(operation)
    return {} if value is NoneType else {"application/json": {"schema": components.of(value)}}


def _security(operation: Operation) -> list[dict[str, list[str]]]:
    if operation.kind is CallerKind.STAFF:
        return [{"staffSession": []} if operation.method == "GET" else {"staffSession": [], "staffCsrf": []}]
    if operation.kind in (CallerKind.TENANT, CallerKind.COLLECTOR):
        return [{f"{operation.kind.value}Token": []}]
    return []


class _Components:
    """All schemas of a document under their stable names."""

    def __init__(self, operations: list[Operation]) -> None:
        asked: list[Any] = [one.body_type for one in operations if one.body_type is not None]
        for one in operations:
            asked += [field.type for field in msgspec.structs.fields(one.path_type)]
            asked += [field.type for field in msgspec.structs.fields(one.query_type)]
        answers = [kind for one in operations if (kind := _value_type(one)) not in (None, NoneType)]
        self._types = [*asked, *answers, Error]
        classes = _named_classes(self._types)
        schemas, components = msgspec.json.schema_components(
            [*self._types, *classes], ref_template=_REF + "{name}"
        )
        names = _stable_names(classes)
        refs = [schema["$ref"].removeprefix(_REF) for schema in schemas[len(self._types) :]]
        renamed = {ref: names[one] for ref, one in zip(refs, classes, strict=True)}
        self._inline: list[Schema] = [_tidied(schema, renamed) for schema in schemas[: len(self._types)]]
        found = {renamed[name]: _tidied(schema, renamed) for name, schema in components.items()}
        self.schemas: dict[str, Schema] = {name: found[name] for name in sorted(found)}
        sent_to_us = {names[one] for one in _named_classes(asked)}
        for name, schema in self.schemas.items():
            # Our own answers carry every field, also those that have a default.
            if "properties" in schema and name not in sent_to_us and name != "Error":
                schema["required"] = list(schema["properties"])

    def of(self, kind: Any) -> Schema:
        """Return the schema of one of the operations' types, with references into this document."""
        return self._inline[self._types.index(kind)]


def _named_classes(types: Iterable[Any]) -> list[Any]:
    """Return the structs, enums and other classes with a name that types rest on, each once."""
    found: dict[Any, None] = {}

    def visit(info: mi.Type) -> None:
        if isinstance(info, mi.Metadata):
            visit(info.type)
        elif isinstance(info, (mi.StructType, mi.TypedDictType, mi.DataclassType, mi.NamedTupleType)):
            if info.cls not in found:
                found[info.cls] = None
                for one in info.fields:
                    visit(one.type)
        elif isinstance(info, mi.EnumType):
            found[info.cls] = None
        elif isinstance(info, mi.CollectionType):
            visit(info.item_type)
        elif isinstance(info, mi.TupleType):
            for item in info.item_types:
                visit(item)
        elif isinstance(info, mi.DictType):
            visit(info.key_type)
            visit(info.value_type)
        elif isinstance(info, mi.UnionType):
            for option in info.types:
                visit(option)

    for one in mi.multi_type_info(types):
        visit(one)
    return list(found)


def _camel(text: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in text.split("_"))


def _class_name(cls: Any) -> str:
    parts = [one.__name__ for one in get_args(cls) if isinstance(one, type)]
    base = (get_origin(cls) or cls).__name__.lstrip("_")
    return re.sub(r"[^A-Za-z0-9]", "", f"{base}Of{''.join(parts)}" if parts else base)


def _stable_names(classes: list[Any]) -> dict[Any, str]:
    """Name classes so that a new one elsewhere does not change a name: handlers' by their operation."""
    names: dict[Any, str] = {}
    for cls in classes:
        module = (get_origin(cls) or cls).__module__.split(".")
        name = _class_name(cls)
        owned = module[:2] == _HANDLERS and name in _PLAIN_NAMES
        names[cls] = "".join(_camel(part) for part in module[2:]) + name if owned else name
    taken = list(names.values())
    for cls, name in names.items():
        if taken.count(name) > 1:
            names[cls] = _camel((get_origin(cls) or cls).__module__.rpartition(".")[2]) + name
    if len(set(names.values())) != len(names):
        raise TypeError(f"two structs of one name: {sorted(names.values())}")
    return names


def _tidied(value: Any, renamed: dict[str, str]) -> Any:
    """Give references their stable names and integers their true width."""
    if isinstance(value, list | tuple):  # A default that is an empty tuple is an empty array in JSON.
        return [_tidied(one, renamed) for one in value]
    if not isinstance(value, dict):
        return value
    tidy = {key: _tidied(one, renamed) for key, one in value.items()}
    ref = tidy.get("$ref")
    if isinstance(ref, str):
        tidy["$ref"] = _REF + renamed[ref.removeprefix(_REF)]
    if tidy.get("type") == "integer":
        tidy.setdefault("format", "int64")
    mapping = (
        tidy.get("discriminator", {}).get("mapping") if isinstance(tidy.get("discriminator"), dict) else None
    )
    if mapping:
        tidy["discriminator"]["mapping"] = {
            tag: _REF + renamed[str(one).removeprefix(_REF)] for tag, one in mapping.items()
        }
    if "title" in tidy and isinstance(tidy["title"], str) and ("properties" in tidy or "enum" in tidy):
        del tidy["title"]  # The name of the component says it, and says it better.
    return tidy
