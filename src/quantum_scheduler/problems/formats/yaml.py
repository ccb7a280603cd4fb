"""Our own documents written as YAML: the same words as in JSON, one to one.

Source: YAML 1.2.2, https://yaml.org/spec/1.2.2/. Plain scalars are null, true, false or decimal numbers where they look
like one, as in its core schema, and text otherwise: `no`, `on` and dates are text. Tags and aliases are refused, so a
document is as large as it looks.
"""

import json
import re
from typing import Any

import yaml

from quantum_scheduler.problems.formats.lines import refuse_line
from quantum_scheduler.problems.model import YAML_BYTES_MAX, Issue, ProblemInvalid, ProblemTooLarge

_DEPTH_MAX = 32
_WORDS = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True,
    "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_WHOLE = re.compile(r"[-+]?[0-9]{1,400}")
_DECIMAL = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


def yaml_to_json(text: str) -> str:
    """Rewrite a YAML document as JSON. Raises ProblemInvalid with the line, ProblemTooLarge over YAML_BYTES_MAX."""
    if len(text) > YAML_BYTES_MAX:
        reason = f"a YAML document may have at most {YAML_BYTES_MAX:,} characters; write a larger one as JSON"
        raise ProblemTooLarge(Issue(field="", reason=reason))
    try:
        return json.dumps(_compose(text))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise refuse_line(line, f"this is not YAML: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise ProblemInvalid(Issue(field="", reason=f"this is not YAML: {str(error).splitlines()[0]}")) from None


def _compose(text: str) -> Any:
    """Build the value of the only document, with a stack of its own in place of recursion."""
    stack: list[list[Any]] = [[]]
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        match event:
            case yaml.AliasEvent():
                raise refuse_line(line, f"the alias *{event.anchor} is not followed: write the value out")
            case yaml.ScalarEvent(tag=str(tag)) | yaml.CollectionStartEvent(tag=str(tag)):
                raise refuse_line(line, f"the tag {tag!r} is not known: write the value without it")
            case yaml.ScalarEvent():
                stack[-1].append(_resolve(event.value) if event.implicit[0] else event.value)
            case yaml.CollectionStartEvent():
                if len(stack) > _DEPTH_MAX:
                    raise refuse_line(line, f"nested more than {_DEPTH_MAX} deep")
                stack.append([])
            case yaml.SequenceEndEvent():
                items = stack.pop()
                stack[-1].append(items)
            case yaml.MappingEndEvent():
                items = stack.pop()
                stack[-1].append(_pair(items, line))
            case yaml.DocumentStartEvent() if stack[0]:
                raise refuse_line(line, "a second document begins: write one problem only")
    return stack[0][0] if stack[0] else None


def _resolve(text: str) -> Any:
    """The value of a plain scalar."""
    if text in _WORDS:
        return _WORDS[text]
    if _WHOLE.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text):
        return float(text)
    if _NOT_FINITE.fullmatch(text):
        return float(text.replace(".", "", 1))
    return text


def _pair(items: list[Any], line: int) -> dict[Any, Any]:
    """Join keys and values that come in turns."""
    keys = items[::2]
    if any(isinstance(key, dict | list) for key in keys):
        raise refuse_line(line, "a key must be text, not a list or a mapping")
    mapping = dict(zip(keys, items[1::2], strict=True))
    if len(mapping) < len(keys):
        raise refuse_line(line, "the mapping that ends here has the same key twice")
    return mapping
