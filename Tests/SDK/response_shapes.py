"""Holds every answer against the SDK's own model of it; its parser forgives most mistakes."""
import base64
import json
import math


def watch(events):
    """Makes each call through a client or session fail whose answer the model does not have."""
    def check(operation_model, response_dict, **_):
        status, body = response_dict["status_code"], json.loads(response_dict["body"])
        if status < 300:
            found = list(differences(operation_model.output_shape, body, operation_model.name))
        else:
            found = list(error_differences(operation_model, status, body))
        assert found == [], found

    events.register("before-parse.dynamodb", check)


def error_differences(operation, status, body):
    code = body["__type"].split("#")[-1]
    shapes = {
        shape.metadata.get("error", {}).get("code", shape.name): shape
        for shape in operation.error_shapes
    }
    expected = 500 if code == "InternalServerError" else 400
    if status != expected:
        yield f"{operation.name}: {code} with status {status}"
    if code in shapes:
        members = {name: value for name, value in body.items() if name != "__type"}
        # Which of the two spellings an exception has is its own matter.
        yield from differences(shapes[code], members, f"{operation.name}: {code}", {"Message"})
    elif not set(body) <= {"__type", "message", "Message"}:
        yield f"{operation.name}: {code} has {sorted(body)}"


def differences(shape, value, path, allowed=frozenset()):
    """What a JSON value has that its shape has not, or the other way round."""
    kind = shape.type_name if shape is not None else "structure"
    if kind == "structure":
        yield from structure_differences(shape, value, path, allowed)
    elif kind == "list" and isinstance(value, list):
        for index, element in enumerate(value):
            yield from differences(shape.member, element, f"{path}[{index}]")
    elif kind == "map" and isinstance(value, dict):
        for name, element in value.items():
            yield from differences(shape.value, element, f"{path}.{name}")
    elif not is_scalar(shape, kind, value):
        yield f"{path}: {value!r} is no {shape.name} ({kind})"


def structure_differences(shape, value, path, allowed):
    if not isinstance(value, dict):
        yield f"{path}: {value!r} is no structure"
        return
    members = {} if shape is None else shape.members
    for name, element in value.items():
        if name in members:
            yield from differences(members[name], element, f"{path}.{name}")
        elif name not in allowed:
            yield f"{path} has {name}, which the model does not know"
    for name in [] if shape is None else shape.required_members:
        if name not in value:
            yield f"{path} lacks {name}"
    if shape is not None and shape.name == "AttributeValue" and len(value) != 1:
        yield f"{path} has {len(value)} types"


def is_scalar(shape, kind, value):
    if kind == "string":
        return isinstance(value, str) and (not shape.enum or value in shape.enum)
    if kind == "blob":
        return isinstance(value, str) and bool(base64.b64decode(value, validate=True) or not value)
    if kind == "boolean":
        return isinstance(value, bool)
    if isinstance(value, bool):
        return False
    if kind in ("integer", "long"):
        return isinstance(value, int)
    return kind in ("double", "float", "timestamp") and isinstance(value, (int, float)) \
        and math.isfinite(value)
