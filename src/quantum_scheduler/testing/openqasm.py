"""Read the flat part of OpenQASM 3 that optimisation circuits are written in: registers, gates, measurements."""

import ast
import math
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass

from quantum_scheduler.testing.state_vector import Gate

STATEMENTS_MAX = 200_000

_DECLARE = re.compile(r"(qubit|bit)\s*\[\s*(\d+)\s*\]\s*(\w+)")
_MEASURE = re.compile(r"(\w+)\s*(?:\[\s*(\d+)\s*\])?\s*=\s*measure\s+(\w+)\s*(?:\[\s*(\d+)\s*\])?")
_GATE = re.compile(r"(\w+)\s*(?:\((.*)\))?\s+(.+)")
_QUBIT = re.compile(r"(\w+)\s*\[\s*(\d+)\s*\]")
_OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


class ProgramInvalid(ValueError):  # noqa: N818  an error is named for what happened
    """The program is not of the part of OpenQASM 3 that is read here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A circuit: its gates in order, and the qubits that are measured, in order of their bits."""

    qubits: int
    gates: tuple[Gate, ...]
    measured: tuple[int, ...]


def read_program(source: str) -> Program:
    """Read one program. Raises ProgramInvalid."""
    text = re.sub(r"//[^\n]*|/\*.*?\*/", "", source, flags=re.DOTALL)
    statements = [statement.strip() for statement in text.split(";")]
    if len(statements) > STATEMENTS_MAX:
        raise ProgramInvalid(f"more than {STATEMENTS_MAX:,} statements")
    reader = _Reader()
    for statement in filter(None, statements):
        reader.read(statement)
    return reader.program()


class _Reader:
    def __init__(self) -> None:
        self._registers: dict[str, int] = {}  # of each quantum register, its first qubit
        self._qubits = 0
        self._bits: dict[tuple[str, int], int] = {}
        self._sizes: dict[str, int] = {}
        self._gates: list[Gate] = []

    def read(self, statement: str) -> None:
        if re.fullmatch(r"OPENQASM\s+3(\.\d)?|include\s+\"stdgates\.inc\"", statement):
            return
        if match := _DECLARE.fullmatch(statement):
            self._declare(match[1], int(match[2]), match[3])
        elif match := _MEASURE.fullmatch(statement):
            self._measure(*match.groups())
        elif match := _GATE.fullmatch(statement):
            angles = tuple(_evaluate(angle) for angle in match[2].split(",")) if match[2] else ()
            qubits = tuple(self._find_qubit(qubit) for qubit in match[3].split(","))
            self._gates.append(Gate(name=match[1], qubits=qubits, angles=angles))
        else:
            raise _not_understood(statement)

    def program(self) -> Program:
        """Give what was read; where nothing is measured, all is."""
        measured = [qubit for _, qubit in sorted(self._bits.items())] or list(range(self._qubits))
        return Program(qubits=self._qubits, gates=tuple(self._gates), measured=tuple(measured))

    def _declare(self, kind: str, size: int, name: str) -> None:
        self._sizes[name] = size
        if kind == "qubit":
            self._registers[name] = self._qubits
            self._qubits += size

    def _measure(self, bit: str, place: str | None, register: str, position: str | None) -> None:
        if bit not in self._sizes or register not in self._registers or (place is None) != (position is None):
            raise _not_understood(f"{bit} = measure {register}")
        if place is not None and position is not None:
            self._bits[bit, int(place)] = self._find_qubit(f"{register}[{position}]")
            return
        for number in range(self._sizes[register]):
            self._bits[bit, number] = self._registers[register] + number

    def _find_qubit(self, text: str) -> int:
        text = text.strip()
        match = _QUBIT.fullmatch(text)
        if match and match[1] in self._registers and int(match[2]) < self._sizes[match[1]]:
            return self._registers[match[1]] + int(match[2])
        if re.fullmatch(r"\$\d+", text):  # a physical qubit
            number = int(text[1:])
            self._qubits = max(self._qubits, number + 1)
            return number
        raise _not_understood(text)


def _evaluate(text: str) -> float:
    """Work out an angle: numbers, pi and the four operations."""
    try:
        return _calculate(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, ZeroDivisionError, RecursionError) as error:
        raise _not_understood(text) from error


def _calculate(node: ast.expr) -> float:
    match node:
        case ast.Constant(value=int() | float() as value):
            return float(value)
        case ast.Name(id="pi" | "π"):
            return math.pi
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_calculate(operand)
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _OPERATORS:
            return _OPERATORS[type(sign)](_calculate(left), _calculate(right))
    raise _not_understood(ast.unparse(node))


def _not_understood(text: str) -> ProgramInvalid:
    return ProgramInvalid(f"not understood: {text[:80]}")
