"""Publish the language of problems as a JSON Schema."""

from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import DictSchema

from quantum_scheduler.problems.problem import ProblemDocument

DIALECT = "https://json-schema.org/draft/2020-12/schema"
SCHEMA_ID = "/schemas/problem.json"


class _Generator(GenerateJsonSchema):
    """Leaves out titles that only repeat a field's name, and closes objects to names that break the rules of names."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def dict_schema(self, schema: DictSchema) -> JsonSchemaValue:
        written = super().dict_schema(schema)
        for pattern, values in written.pop("patternProperties", {}).items():
            written["additionalProperties"] = values
            written["propertyNames"]["pattern"] = pattern
        return written


def problem_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of our own documents, made from the models that read them.

    It says what can be said of each field by itself. `read_document` checks more, such as that every id is known, and
    takes no decimal point in a whole number.
    """
    schema = TypeAdapter(ProblemDocument).json_schema(schema_generator=_Generator)
    for part in schema["$defs"].values():
        if "kind" in part["properties"]:
            # A default in Python, but in a document it says how to read the rest.
            del part["properties"]["kind"]["default"]
            part["required"] = ["kind", *part.get("required", [])]
    return {
        "$schema": DIALECT,
        "$id": SCHEMA_ID,
        "title": "Problem",
        "description": "What quantum-scheduler solves: a schedule or a binary model (QUBO or Ising).",
        **schema,
    }
