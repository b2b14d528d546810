"""``smartEndpointingPlan.waitFunction``: how long to wait, by how likely the caller goes on. Pure.

The expression is one of mathjs, and gives milliseconds. Its ``x`` goes from 0 (the caller has
finished) to 1 (the caller goes on). https://mathjs.org/docs/expressions/syntax.html
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping

DEFAULT = "20 + 500 * sqrt(x) + 2500 * x^3"
"""Vapi's."""
MAX_CHARACTERS = 200
MAX_SECONDS = 15.0
"""The longest wait, that of Vapi's other endpointing rules."""
NAMES: Mapping[str, float] = {"pi": math.pi, "e": math.e}
FUNCTIONS: Mapping[str, Callable[..., float]] = {
    "abs": abs,
    "ceil": math.ceil,
    "cos": math.cos,
    "exp": math.exp,
    "floor": math.floor,
    "log": math.log,
    "max": max,
    "min": min,
    "pow": math.pow,
    "round": round,
    "sin": math.sin,
    "sqrt": math.sqrt,
    "tan": math.tan,
    "tanh": math.tanh,
}
OPERATORS: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.Mod: lambda a, b: a % b,
    ast.Pow: lambda a, b: math.pow(a, b),
}


class WaitFunction:
    """One expression."""

    def __init__(self, text: str) -> None:
        """Raises ``ValueError`` with the end of a sentence."""
        if len(text) > MAX_CHARACTERS:
            raise ValueError(f"has more than {MAX_CHARACTERS} characters")
        try:
            self._body = ast.parse(text.strip().replace("^", "**"), mode="eval").body
            _value(self._body, 0.5)
        except (SyntaxError, TypeError, RecursionError, MemoryError) as error:
            raise ValueError("is not an expression in x, such as 20 + 500 * sqrt(x)") from error
        except ArithmeticError:
            return  # it may have a value elsewhere

    def seconds(self, x: float) -> float:
        """The wait. A negative one is none; one without a value is the longest."""
        try:
            wait = _value(self._body, x) / 1000
        except (ArithmeticError, ValueError):
            return MAX_SECONDS
        return min(max(wait, 0.0), MAX_SECONDS) if wait == wait else MAX_SECONDS


def _value(node: ast.expr, x: float) -> float:
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return float(number)
        case ast.Name(id="x"):
            return x
        case ast.Name(id=name) if name in NAMES:
            return NAMES[name]
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in OPERATORS:
            return OPERATORS[type(operator)](_value(left, x), _value(right, x))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, x)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _value(operand, x)
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in FUNCTIONS:
            return float(FUNCTIONS[name](*(_value(each, x) for each in args)))
    raise SyntaxError("not part of the language")
