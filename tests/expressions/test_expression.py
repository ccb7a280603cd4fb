"""Expressions: nothing reaches beyond registered names, and what is not known is never false."""

import ast
import string
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_scheduler.expressions.evaluate import UNKNOWN, Value, evaluate, evaluate_arguments
from quantum_scheduler.expressions.parse import (
    ExpressionInvalid,
    find_calls,
    find_paths,
    parse_call,
    parse_expression,
)

KNOWN = {"a": 1, "b.c": "down", "t": True, "f": False, "none": None, "list": [1, 2]}


class Fixed:
    """A scope of fixed values; a call gives back what it was called with."""

    async def look_up(self, path: str) -> Value:
        return KNOWN.get(path, UNKNOWN)

    async def call(self, name: str, arguments: Sequence[Value], keywords: Mapping[str, Value]) -> Value:
        return [name, *arguments, *keywords.values()]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a == 1", True),
        ('b.c == "down" and a < 2', True),
        ("x > 3", UNKNOWN),
        ("x > 3 or t", True),
        ("x > 3 and f", False),
        ("x > 3 and t", UNKNOWN),
        ("f or x", UNKNOWN),
        ("not x", UNKNOWN),
        ("not f", True),
        ("1 < a + 1 < 3", True),
        ("1 < x < 0", UNKNOWN),
        ("2 < a < x", False),
        ("a in [1, 2]", True),
        ("a in [x, 1]", True),
        ("a in [x, 2]", UNKNOWN),
        ("a not in [x, 2]", UNKNOWN),
        ("a in list", True),
        ("1 / 0", UNKNOWN),
        ('"a" < 1', UNKNOWN),
        ('"a" * 1000', UNKNOWN),
        ('"a" + "b"', "ab"),
        ("-a", -1),
        ('"P0" if t else "P1"', "P0"),
        ('"P0" if x else "P1"', UNKNOWN),
        ("none == None", True),
        ("page(a, b=2)", ["page", 1, 2]),
    ],
)
async def test_an_expression_has_the_value_of_three_valued_logic(text: str, value: Value) -> None:
    result = await evaluate(parse_expression(text, 1), Fixed())
    assert result is value or result == value


async def test_unknown_is_neither_true_nor_false() -> None:
    with pytest.raises(TypeError):
        bool(UNKNOWN)


async def test_and_looks_no_further_than_the_first_false() -> None:
    asked: list[str] = []

    class Asked(Fixed):
        async def look_up(self, path: str) -> Value:
            asked.append(path)
            return await super().look_up(path)

    assert await evaluate(parse_expression("f and t", 1), Asked()) is False
    assert asked == ["f"]


@pytest.mark.parametrize(
    "text",
    [
        "", "a = 1", "().__class__", "a.__class__", "a._private", "_a", "a.b__c", "__import__('os')", "x[0]",
        "lambda: 1", "[i for i in x]", "{1: 2}", "{1}", "f'{x}'", "-" * 900 + "1",
        "(" * 400 + "1" + ")" * 400, "9**9", "a @ b",
        "a << 9", "a | b", "~a", "a is b", "a.b().c", "1e999", "10" * 20, "a" * 2_000, "await x", "page(*x)",
        "page(**x)", "a.b.c.d.e.f", "b'x'", "...", "1j", "(a := 1)", "a; b", "yield", "\x00", "a if b", "é.x",
        "print\n(1)\n+", "a[1:2]",
    ],
)  # fmt: skip
def test_what_may_not_be_written_is_refused_with_its_line(text: str) -> None:
    with pytest.raises(ExpressionInvalid) as refused:
        parse_expression(text, 7)
    assert refused.value.line == 7


def test_an_action_may_be_called_raise_and_texts_keep_the_word() -> None:
    parsed = parse_expression(r"""quota.raise(1, reason="\".raise(", note='.raise(')""", 1)
    ((name, call),) = find_calls(parsed)
    assert name == "quota.raise"
    assert [ast.literal_eval(each.value) for each in call.keywords] == ['".raise(', ".raise("]
    with pytest.raises(ExpressionInvalid):
        parse_expression("raise", 1)


def test_a_single_equals_sign_is_explained() -> None:
    with pytest.raises(ExpressionInvalid, match="to compare, write =="):
        parse_expression("a = 1", 3)


@given(st.text(alphabet=string.printable, max_size=80))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        expression = parse_expression(text, 1)
    except ExpressionInvalid:
        return
    assert all(name and not name.startswith("_") for name, _ in find_calls(expression))
    assert all(not path.startswith("_") for path in find_paths(expression))


words = st.sampled_from(["a", "b.c", "x", "t", "f", "1", "0", "2.5", '"down"', "None", "True"])
expressions = st.recursive(
    words,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["==", "<", ">=", "+", "-", "*", "/", "%", "and", "or", "in"]), inner).map(
            lambda parts: f"({' '.join(parts)})"
        ),
        inner.map(lambda text: f"(not {text})"),
        st.tuples(inner, inner).map(lambda parts: f"[{parts[0]}, {parts[1]}]"),
        st.tuples(inner, inner, inner).map(lambda parts: f"({parts[0]} if {parts[1]} else {parts[2]})"),
    ),
    max_leaves=12,
)


@given(expressions)
async def test_whatever_is_let_through_evaluates_without_an_error(text: str) -> None:
    try:
        expression = parse_expression(text, 1)
    except ExpressionInvalid:
        return
    value = await evaluate(expression, Fixed())
    assert value is UNKNOWN or value is None or isinstance(value, str | int | float | bool | list)


async def test_a_call_gives_its_name_and_its_arguments() -> None:
    name, call = parse_call('auth = probe.auth("dynex", tries=a + 1)', 4)
    assert name == "auth"
    assert await evaluate_arguments(call, Fixed()) == ("probe.auth", ["dynex"], {"tries": 2})


def test_what_is_no_call_is_refused() -> None:
    with pytest.raises(ExpressionInvalid, match="is not a call"):
        parse_call("a == 1", 4)


async def test_an_argument_that_depends_on_what_is_not_known_is_what_stands_behind_else() -> None:
    _, call = parse_call('incident.declare(severity="P0" if nothing.known == 0 else "P1", title=nothing.known)', 4)
    assert await evaluate_arguments(call, Fixed()) == ("incident.declare", [], {"severity": "P1", "title": UNKNOWN})


@given(st.lists(expressions, max_size=3), expressions)
async def test_the_arguments_of_whatever_call_is_let_through_are_values(arguments: list[str], named: str) -> None:
    try:
        _, call = parse_call(f"a.b({', '.join([*arguments, f'c={named}'])})", 1)
    except ExpressionInvalid:
        return
    name, values, keywords = await evaluate_arguments(call, Fixed())
    assert (name, len(values), list(keywords)) == ("a.b", len(arguments), ["c"])
