"""Draw the page that shows the API to people: plain HTML from the OpenAPI document, without a script."""

import html
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from quantum_scheduler.api.describe import METHODS

Part = Mapping[str, Any]

_LIMITS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "maxProperties": "at most {} names",
}
# Pydantic says the lengths of pairs and triples twice.
_LIMITS_OF_TUPLE = ("minItems", "maxItems")


def draw_docs(document: Part, problems: Mapping[str, int], *, stylesheet: str) -> str:
    """Draw the whole page; `problems` are the types of error with their statuses, `stylesheet` a URL."""
    operations = [
        (method, path, entry[method])
        for path, entry in document["paths"].items()
        for method in METHODS
        if method in entry
    ]
    tags = dict.fromkeys(tag for _, _, operation in operations for tag in operation["tags"])
    schemas = document["components"]["schemas"]
    info = document["info"]
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{_text(info["title"])} API</title>
<link rel="stylesheet" href="{_text(stylesheet)}">
</head>
<body>
<header>
<h1>{_text(info["title"])} API <small>{_text(info["version"])}</small></h1>
<p>{_text(info["summary"])}</p>
{_prose(info["description"])}
<p><a href="/v1/openapi.json">OpenAPI document</a> · <a href="/v1/problem-schema">JSON Schema of problems</a></p>
</header>
<nav aria-label="Contents">
{"".join(_draw_contents(tag, operations) for tag in tags)}
<h2>More</h2>
<ul><li><a href="#errors">Errors</a></li><li><a href="#schemas">Schemas</a></li></ul>
</nav>
<main>
{"".join(_draw_operation(method, path, operation) for method, path, operation in operations)}
<section id="errors"><h2>Errors</h2>
<p>Every error is <code>application/problem+json</code>: an {_draw_type({"$ref": "/ErrorDocument"})}.
Its <code>type</code> is one of these.</p>
{_draw_table(("Type", "Status"), ((f"<code>{_text(name)}</code>", status) for name, status in problems.items()))}
</section>
<section id="schemas"><h2>Schemas</h2>
{"".join(_draw_schema(name, schemas[name]) for name in sorted(schemas))}
</section>
</main>
</body>
</html>
"""


def _draw_contents(tag: str, operations: Iterable[tuple[str, str, Part]]) -> str:
    links = (
        f'<li><a href="#{_text(operation["operationId"])}">{_text(operation["summary"])}</a></li>'
        for _, _, operation in operations
        if tag in operation["tags"]
    )
    return f"<h2>{_text(tag)}</h2><ul>{''.join(links)}</ul>"


def _draw_operation(method: str, path: str, operation: Part) -> str:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    responses = (
        (f"<code>{_text(status)}</code>", _inline(response["description"]), _draw_contents_of(response))
        for status, response in operation["responses"].items()
    )
    return f"""<section id="{_text(operation["operationId"])}">
<h2><span class="method {method}">{method.upper()}</span> <code>{_text(path)}</code></h2>
{_prose(operation["description"])}
{"" if "security" in operation else "<p>Needs no key.</p>"}
{_draw_parameters(operation.get("parameters", ()))}
{_draw_body(body) if body else ""}
<h3>Answers</h3>
{_draw_table(("Status", "Meaning", "Holds"), responses)}
<h3>Example</h3>
<pre><code>{_text(_write_curl(method, path, operation, body))}</code></pre>
</section>
"""


def _draw_parameters(parameters: Iterable[Part]) -> str:
    rows = [
        (
            f"<code>{_text(parameter['name'])}</code>",
            _text(parameter["in"]) + (", required" if parameter.get("required") else ""),
            _draw_type(parameter["schema"]),
            _inline(parameter.get("description", "")),
        )
        for parameter in parameters
    ]
    return f"<h3>Parameters</h3>{_draw_table(('Name', 'In', 'Type', 'Meaning'), rows)}" if rows else ""


def _draw_body(body: Part) -> str:
    examples = (
        f"<details><summary>Example: {_text(name)}</summary><pre><code>"
        f"{_text(json.dumps(example['value'], indent=2))}</code></pre></details>"
        for name, example in body["examples"].items()
    )
    return f"<h3>Body</h3><p>JSON: {_draw_type(body['schema'])}</p>{''.join(examples)}"


def _draw_contents_of(response: Part) -> str:
    drawn = (
        _draw_type(content["schema"]) if content.get("schema") else f"<code>{_text(media_type)}</code>"
        for media_type, content in response.get("content", {}).items()
    )
    return " or ".join(drawn)


def _draw_schema(name: str, schema: Part) -> str:
    required = schema.get("required", ())
    rows = (
        (
            f"<code>{_text(field)}</code>" + (", required" if field in required else ""),
            _draw_type(part),
            _inline(part.get("description", "")),
        )
        for field, part in schema.get("properties", {}).items()
    )
    fields = _draw_table(("Field", "Type", "Meaning"), rows) if "properties" in schema else _draw_type(schema)
    return f'<h3 id="schema-{_text(name)}">{_text(name)}</h3>{_prose(schema.get("description", ""))}{fields}'


def _draw_type(schema: Part) -> str:
    """Say in a few words what a value may be."""
    if "$ref" in schema:
        name = _text(schema["$ref"].rpartition("/")[2])
        return f'<a href="#schema-{name}">{name}</a>'
    for union in ("anyOf", "oneOf"):
        if union in schema:
            return " or ".join(_draw_type(member) for member in schema[union]) + _draw_default(schema)
    if "const" in schema or "enum" in schema:
        values = schema.get("enum", [schema.get("const")])
        return " or ".join(f"<code>{_text(json.dumps(value))}</code>" for value in values) + _draw_default(schema)
    limits = [words.format(_number(schema[limit])) for limit, words in _LIMITS.items() if _is_limit(schema, limit)]
    return _draw_kind(schema) + (f" ({', '.join(limits)})" if limits else "") + _draw_default(schema)


def _number(number: float) -> str:
    return f"{int(number):,}" if number == int(number) else f"{number:,}"


def _is_limit(schema: Part, limit: str) -> bool:
    return limit in schema and not ("prefixItems" in schema and limit in _LIMITS_OF_TUPLE)


def _draw_kind(schema: Part) -> str:
    if "prefixItems" in schema:
        return f"[{', '.join(_draw_type(item) for item in schema['prefixItems'])}]"
    if "items" in schema:
        return f"list of {_draw_type(schema['items'])}"
    values = schema.get("additionalProperties")
    if isinstance(values, dict) and values:
        return f"object of {_draw_type(values)}"
    return _text(schema.get("format") or schema.get("type", "anything"))


def _draw_default(schema: Part) -> str:
    return f", default <code>{_text(json.dumps(schema['default']))}</code>" if "default" in schema else ""


def _draw_table(heads: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    head = "".join(f'<th scope="col">{_text(name)}</th>' for name in heads)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _write_curl(method: str, path: str, operation: Part, body: Part | None) -> str:
    lines = [f'curl -X {method.upper()} "$QUANTUM_SCHEDULER_URL{path.replace("{job_id}", "$JOB_ID")}"']
    if "security" in operation:
        lines.append('-H "Authorization: Bearer $QUANTUM_SCHEDULER_API_KEY"')
    if body:
        example = next(iter(body["examples"].values()))["value"]
        lines += ['-H "Content-Type: application/json"', f"-d '{json.dumps(example)}'"]
    return " \\\n  ".join(lines)


def _prose(text: str) -> str:
    return "".join(f"<p>{_inline(paragraph)}</p>" for paragraph in text.strip().split("\n\n") if paragraph)


def _inline(text: str) -> str:
    return re.sub("`([^`]+)`", r"<code>\1</code>", _text(text))


def _text(text: object) -> str:
    return html.escape(str(text))
