"""The mutants of a module: one small change of its syntax tree each.

Annotations, docstrings, and the texts of errors and log lines stay as they are.
"""

from __future__ import annotations

import ast
import copy
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType

OPERATORS: dict[type[ast.AST], tuple[type[ast.AST], ...]] = {
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.And: (ast.Or,),
    ast.Or: (ast.And,),
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Add,),
    ast.Mod: (ast.Mult,),
    ast.Pow: (ast.Mult,),
    ast.BitAnd: (ast.BitOr,),
    ast.BitOr: (ast.BitAnd,),
}
"""What takes an operator's place."""

LOGS = {"debug", "info", "warning", "error", "exception"}
FIELDS_KEPT = {"annotation", "returns", "type_params", "type_comment", "ctx", "decorator_list"}


@dataclass(frozen=True)
class Mutant:
    """One change of a module. Its name stays the same while other functions change."""

    name: str
    line: int
    code: CodeType


def mutants(source: str, path: str) -> Iterator[Mutant]:
    tree = ast.parse(source, path)
    names = Counter[str]()
    for function, node, replacements in _places(tree, "<module>"):
        for new in replacements:
            name = f"{function}: {_shown(node)} -> {_shown(new)}"
            names[name] += 1
            number = f" #{names[name]}" if names[name] > 1 else ""
            changed = compile(_with(tree, node, new), path, "exec")
            yield Mutant(name + number, getattr(node, "lineno", 0), changed)


Place = tuple[str, ast.AST, list[ast.AST]]


def _places(node: ast.AST, function: str) -> Iterator[Place]:
    """Each node that can change, with its replacements."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        function = node.name
    if isinstance(node, ast.Raise) or _is_log(node):
        yield function, node, [ast.Pass()]
        return
    if isinstance(node, ast.ImportFrom | ast.Import) or _is_docstring(node):
        return
    if found := list(_replacements(node)):
        yield function, node, found
    for name, value in ast.iter_fields(node):
        if name not in FIELDS_KEPT:
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from _places(child, function)


def _replacements(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Compare(left, [operator], right):
            for other in OPERATORS[type(operator)]:
                yield ast.Compare(left, [other()], right)  # type: ignore[list-item]
        case ast.Compare(left, [first, second], right):
            for other in OPERATORS[type(first)]:
                yield ast.Compare(left, [other(), second], right)  # type: ignore[list-item]
            for other in OPERATORS[type(second)]:
                yield ast.Compare(left, [first, other()], right)  # type: ignore[list-item]
        case ast.BoolOp(operator, values):
            for other in OPERATORS[type(operator)]:
                yield ast.BoolOp(other(), values)  # type: ignore[arg-type]
            for at in range(len(values)):
                rest = values[:at] + values[at + 1 :]
                yield rest[0] if len(rest) == 1 else ast.BoolOp(operator, rest)
        case ast.UnaryOp(ast.Not() | ast.USub(), operand):
            yield operand
        case ast.BinOp(left, operator, right) if type(operator) in OPERATORS:
            for other in OPERATORS[type(operator)]:
                yield ast.BinOp(left, other(), right)  # type: ignore[arg-type]
        case ast.IfExp(_, body, orelse):
            yield body
            yield orelse
        case ast.If() | ast.While():
            yield _copied(node, test=ast.Constant(value=True))
            if isinstance(node, ast.If):
                yield _copied(node, test=ast.Constant(value=False))
        case ast.comprehension(ifs=[_, *_]):
            yield _copied(node, ifs=[])
        case ast.Return(value) if value is not None and not _is_none(value):
            yield ast.Return(ast.Constant(value=None))
        case ast.Expr(ast.Call() | ast.YieldFrom() | ast.Yield()) | ast.AugAssign():
            yield ast.Pass()
        case ast.Constant(value):
            yield from map(ast.Constant, _other_values(value))


def _other_values(value: object) -> Iterator[str | bytes | int | float | bool]:
    match value:
        case bool():
            yield not value
        case int() | float():
            yield value + 1
        case str():
            yield value + "X"
        case bytes():
            yield value + b"X"


def _shown(node: ast.AST) -> str:
    """As source, in one line; of a compound statement its condition."""
    if isinstance(node, ast.If | ast.While):
        return f"if {ast.unparse(node.test)}"
    return " ".join(ast.unparse(node).split())


def _is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_log(node: ast.AST) -> bool:
    match node:
        case ast.Expr(ast.Call(ast.Attribute(ast.Name("log"), name))):
            return name in LOGS
    return False


def _copied(node: ast.AST, **changes: object) -> ast.AST:
    new = copy.copy(node)
    for name, value in changes.items():
        setattr(new, name, value)
    return new


class _Replace(ast.NodeTransformer):
    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self.old, self.new = old, new

    def visit(self, node: ast.AST) -> ast.AST:
        if node is self.old:
            return ast.copy_location(self.new, node) if hasattr(node, "lineno") else self.new
        for name, value in ast.iter_fields(node):
            if isinstance(value, list):
                new = [self.visit(each) if isinstance(each, ast.AST) else each for each in value]
                if any(a is not b for a, b in zip(new, value, strict=True)):
                    return _copied(node, **{name: new})
            elif isinstance(value, ast.AST) and (changed := self.visit(value)) is not value:
                return _copied(node, **{name: changed})
        return node


def _with(tree: ast.Module, old: ast.AST, new: ast.AST) -> ast.Module:
    changed = _Replace(old, copy.deepcopy(new)).visit(tree)
    assert isinstance(changed, ast.Module)
    return ast.fix_missing_locations(changed)
