"""Make mutants: copies of a source file with one small fault each. Pure."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

_OPERATORS = {
    "<": "<=",
    "<=": "<",
    ">": ">=",
    ">=": ">",
    "==": "!=",
    "!=": "==",
    "is not": "is",
    "is": "is not",
    "not in": "in",
    "in": "not in",
    "+": "-",
    "-": "+",
    "*": "//",
    "//": "*",
    "%": "+",
    "|": "&",
    "&": "|",
    "and": "or",
    "or": "and",
}
"""Python's operators, each with the one that takes its place."""

_NAMES = {"min": "max", "max": "min", "any": "all", "all": "any"}

_SQL_FAULTS = (
    (r"<=", "<"),
    (r">=", ">"),
    (r"<>", "="),
    (r"(?<![<>:!=])=(?![>=])", "<>"),
    (r"<(?![=>])", "<="),
    (r"(?<!<)>(?!=)", ">="),
    (r"\bAND\b", "OR"),
    (r"\bOR\b(?! REPLACE)", "AND"),
    (r" \+ ", " - "),
    (r" - ", " + "),
    (r" \* ", " + "),
    (r" / ", " * "),
    (r"\bmin\(", "max("),
    (r"\bmax\(", "min("),
    (r"\bgreatest\(", "least("),
    (r"\bleast\(", "greatest("),
    (r"\blag\(", "lead("),
    (r"\blead\(", "lag("),
    (r"\bLEFT JOIN\b", "JOIN"),
    (r"\bIS NULL\b", "IS NOT NULL"),
    (r"\bIS NOT NULL\b", "IS NULL"),
    (r"\bNOT (?!IN\b|NULL\b|LIKE\b)", ""),
    (r"\bNOT IN\b", "IN"),
    (r" DESC\b", ""),
    (r"\bDISTINCT (?!ON\b)", ""),
    (r"\bUNION ALL\b", "UNION"),
    (r"\bUNBOUNDED PRECEDING\b", "1 PRECEDING"),
    (r"(?<!\w)true\b", "false"),
    (r"(?<!\w)false\b", "true"),
)
"""Regular expressions over SQL, each with the text that takes the place of a match."""

_NUMBER = re.compile(r"(?<![\w.'-])\d+(?![\w.'-])")
_SQL_HIDDEN = re.compile(r"--[^\n]*|'(?:[^']|'')*'")


@dataclass(frozen=True)
class Mutant:
    """A file with one fault: the whole text, and the changed line before and after the change."""

    path: str
    line: int
    before: str
    after: str
    text: str

    @property
    def change(self) -> str:
        """Return the change as one line, which names the mutant without its line number."""
        return f"`{self.path}`: `{self.before}` → `{self.after}`"


def make_mutants(path: str, text: str) -> list[Mutant]:
    """Return the mutants of a Python or SQL file, in the order of their positions, each once."""
    edits = _python_edits(text) if path.endswith(".py") else _sql_edits(text)
    mutants = {_apply(path, text, *edit) for edit in set(edits)}
    return sorted(mutants, key=lambda mutant: (mutant.line, mutant.after))


def _apply(path: str, text: str, start: int, end: int, replacement: str) -> Mutant:
    """Return the mutant in which `replacement` takes the place of the text from `start` to `end`."""
    mutated = text[:start] + replacement + text[end:]
    line = text.count("\n", 0, start)
    last = text.count("\n", 0, end)
    before, after = text.splitlines(), mutated.splitlines()
    removed = last - line - replacement.count("\n")
    changed = after[line : last + 1 - max(removed, 0)]
    return Mutant(
        path=path,
        line=line + 1,
        before=" ".join(part.strip() for part in before[line : last + 1]),
        after=" ".join(part.strip() for part in changed),
        text=mutated,
    )


def _sql_edits(text: str) -> Iterator[tuple[int, int, str]]:
    hidden = [match.span() for match in _SQL_HIDDEN.finditer(text)]

    def is_code(position: int) -> bool:
        return not any(start <= position < end for start, end in hidden)

    for pattern, replacement in _SQL_FAULTS:
        for match in re.finditer(pattern, text):
            if is_code(match.start()):
                yield *match.span(), replacement
    for match in _NUMBER.finditer(text):
        if is_code(match.start()):
            yield *match.span(), str(int(match.group()) + 1)


def _python_edits(text: str) -> Iterator[tuple[int, int, str]]:
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    lines = text.splitlines()

    def position(line: int, column: int) -> int:
        return starts[line - 1] + len(lines[line - 1].encode()[:column].decode())

    tree = ast.parse(text)
    ignored = _ignored_nodes(tree)
    for node in ast.walk(tree):
        if id(node) in ignored:
            continue
        for left, right in _operands(node):
            start = position(left.end_lineno or 0, left.end_col_offset or 0)
            end = position(right.lineno, right.col_offset)
            yield from _operator_edits(text, start, end)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            start = position(node.lineno, node.col_offset)
            yield start, position(node.operand.lineno, node.operand.col_offset), ""
        elif isinstance(node, ast.Constant) and type(node.value) in (int, bool):
            span = (
                position(node.lineno, node.col_offset),
                position(node.end_lineno or 0, node.end_col_offset or 0),
            )
            yield *span, str(not node.value) if isinstance(node.value, bool) else f"({node.value} + 1)"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _NAMES:
            start = position(node.func.lineno, node.func.col_offset)
            yield start, start + len(node.func.id), _NAMES[node.func.id]


def _operands(node: ast.AST) -> list[tuple[ast.expr, ast.expr]]:
    """Return each pair of expressions with an operator between them."""
    if isinstance(node, ast.Compare):
        operands = [node.left, *node.comparators]
    elif isinstance(node, ast.BoolOp):
        operands = node.values
    elif isinstance(node, ast.BinOp):
        operands = [node.left, node.right]
    else:
        return []
    return list(pairwise(operands))


def _operator_edits(text: str, start: int, end: int) -> Iterator[tuple[int, int, str]]:
    """Yield the edit of the operator between two operands, which can be in parentheses."""
    match = re.search(
        r"is\s+not|not\s+in|\bis\b|\bin\b|\band\b|\bor\b|[<>=!]=|//|\*\*|[<>+\-*%|&]", text[start:end]
    )
    if match and (operator := " ".join(match.group().split())) in _OPERATORS:
        yield start + match.start(), start + match.end(), _OPERATORS[operator]


def _ignored_nodes(tree: ast.Module) -> set[int]:
    """Return the ids of the nodes in annotations and type aliases, whose faults change no result."""
    roots: list[ast.AST | None] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            roots += [node.returns, *node.decorator_list]
        elif isinstance(node, ast.arg | ast.AnnAssign):
            roots.append(node.annotation)
        elif isinstance(node, ast.ClassDef):
            roots += node.decorator_list
    return {id(node) for root in roots if root is not None for node in ast.walk(root)}
