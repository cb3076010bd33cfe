"""Check the language of the project: Markdown, docstrings, comments, SQL comments, messages and names.

`words.toml`, beside this file, lists the flagged words and names. Run the check on the whole project or on some
paths, as `python -m tests.support.prose [PATH ...]`. It prints one line per finding, as `path:line: message`,
and exits with 1 if there is a finding. A line that contains `prose: allow` is not checked. With `--fix`, it puts
each sentence of the Markdown files on a line of its own.

Besides the words, the check enforces two rules:
- A docstring of a function starts with an imperative verb, not with a noun or a pronoun.
- Markdown has one sentence per line: no sentence continues on the next line, and no line has two sentences.
  Tables, headings and code are exempt.
"""

import ast
import bisect
import functools
import io
import re
import subprocess
import sys
import tokenize
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
WORDS = Path(__file__).with_name("words.toml")
PRAGMA = "prose: allow"

EXCLUDED = (
    "CODE_OF_CONDUCT.md",
    "LICENSE",
    "tests/docs/test_prose.py",
    "tests/recordings/",
    "tests/support/prose.py",
    "tests/support/words.toml",
    *(f"warehouse/load/migrations/{number:04}_" for number in range(1, 7)),
)
"""Files with text from elsewhere, files that quote the flagged words, and released migrations, which never change."""

GENERATED = {"docs/data-dictionary.md", "docs/settings.md"}
"""Documents whose lines a script writes: sentences may share a line."""

HASH_COMMENTS = {".toml", ".yaml", ".yml", ".cfg", ".ini", ".sqlfluff", ".gitignore", "Makefile", "run"}
"""Suffixes or names of files whose comments start with `#`."""

NOT_A_VERB = re.compile(
    r"(the|an?|each|every|all|both|no|not|none|it|its|they|this|these|that|those|there|one|two|some|any|such"
    r"|what|who|which|where|when|how|why|whether|if|true|false|only|just|with|without|as|from|to|of|in|on|at|by)\b",
    flags=re.IGNORECASE,
)
"""First words that no imperative sentence starts with."""

CODE_SPAN = re.compile(r"(`+)(.+?)\1")
LINK_TARGET = re.compile(r"(?<=\])\([^)\s]*\)")
URL = re.compile(r"https?://\S+")
SENTENCE_END = re.compile(r"[.!?:…][\"'”’)\]*_`]*$")
TWO_SENTENCES = re.compile(r"(?P<word>\S+)[.!?][\"'”’)\]*_]*\s+(?P<opening>[\"'“‘(*_\[`]*)(?=[A-Z`])")
QUOTED = re.compile(r"\"[^\"]{1,40}\"|“[^”]{1,40}”")
ABBREVIATION = re.compile(
    r"[(\"'“*_]*(e\.g|i\.e|etc|vs|cf|approx|nos?|art|pp?|mrs?|dr|st|\d+|[a-z])", re.IGNORECASE
)
LIST_MARKER = re.compile(r"^\s*(?:[-*+]|\d+[.)])\s+(?:\[[ x]\]\s+)?")
EXEMPT_LINES = ("|", "#", "<", "![", "[!")
"""Starts of lines that are no sentences: tables, headings, HTML and images."""
BLOCK_START = re.compile(r"^\s*(?:#{1,6} |[-*+] |\d+[.)] |\||>|```|~~~|<|!\[|\[[^\]]+\]: |---|===)")


WORDS_OF_A_SENTENCE = 3
"""The number of lower-case words, each followed by a space, from which on a string literal counts as prose."""

SQL = re.compile(r"\b(SELECT|FROM|WHERE|CREATE|INSERT)\b")


@dataclass(frozen=True)
class Finding:
    """A place in the project's text that the check flags."""

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        """Return the finding as compilers print theirs."""
        return f"{self.path}:{self.line}: {self.message}"


@dataclass(frozen=True)
class Rule:
    """A flagged word or name, as `words.toml` declares it."""

    pattern: re.Pattern[str]
    message: str
    examples: list[str]
    allowed: list[str]
    not_in_questions: bool = False
    kinds: frozenset[str] = frozenset()


@dataclass
class Passage:
    """A text that may span lines: each line's number and its text, without comment marks and quotes."""

    lines: list[tuple[int, str]] = field(default_factory=list)

    def findings(self, rules: Iterable[Rule]) -> Iterator[tuple[int, str]]:
        """Yield the line and the message of each flagged word."""
        text, starts = "", []
        for _, line in self.lines:
            starts.append(len(text))
            text += _mask(line) + " "
        for rule in rules:
            for match in rule.pattern.finditer(text):
                if rule.not_in_questions and _is_question(text, match.end()):
                    continue
                number = self.lines[bisect.bisect(starts, match.start()) - 1][0]
                yield number, f'"{match[0].strip()}": {rule.message}'


def _mask(line: str) -> str:
    """Replace code, link targets and addresses with characters that no pattern matches."""
    line = CODE_SPAN.sub(lambda span: span[1] + "x" * len(span[2]) + span[1], line)
    line = LINK_TARGET.sub(lambda target: "(" + "x" * (len(target[0]) - 2) + ")", line)
    return URL.sub(lambda url: "x" * len(url[0]), line)


def _is_question(text: str, position: int) -> bool:
    end = re.compile(r"[.?!]").search(text, position)
    return end is not None and end[0] == "?"


@functools.cache
def read_rules(table: str) -> tuple[Rule, ...]:
    """Return the rules of one table of `words.toml`: `word` for prose, `name` for names."""
    declared = tomllib.loads(WORDS.read_text(encoding="utf-8"))[table]
    return tuple(
        Rule(
            pattern=re.compile(
                entry["pattern"], flags=re.MULTILINE | (re.IGNORECASE if table == "word" else 0)
            ),
            message=entry["message"],
            examples=entry["examples"],
            allowed=entry.get("allowed", []),
            not_in_questions=entry.get("not_in_questions", False),
            kinds=frozenset(entry.get("in", ["variable", "module"])),
        )
        for entry in declared
    )


def list_files(paths: Iterable[Path] = ()) -> list[Path]:
    """Return the files to check: those under the paths, or all files that git tracks or would add."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", *map(str, paths)]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    files = {ROOT / name for name in listed.split("\0") if name and not name.startswith(EXCLUDED)}
    return sorted(file for file in files if file.is_file())


def check(paths: Iterable[Path] = ()) -> list[Finding]:
    """Return the findings in the files under the paths, or in the whole project."""
    return [finding for file in list_files(paths) for finding in check_file(file)]


def check_file(file: Path) -> list[Finding]:
    """Return the findings in one file, ascending by line; none for a kind of file that is not checked."""
    name = file.relative_to(ROOT).as_posix() if file.is_relative_to(ROOT) else str(file)
    check_text = {
        ".py": check_python,
        ".md": functools.partial(check_markdown, is_generated=name in GENERATED),
        ".sql": check_sql,
        ".js": check_script,
        ".css": check_script,
        **dict.fromkeys(HASH_COMMENTS, check_hash_comments),
    }.get(file.suffix or file.name)
    if check_text is None:
        return []
    text = file.read_text(encoding="utf-8")
    lines = text.splitlines()
    found = {
        Finding(name, number, message)
        for number, message in [*check_text(text), *_check_module_name(file)]
        if PRAGMA not in (lines[number - 1] if number <= len(lines) else "")
    }
    return sorted(found, key=lambda finding: (finding.line, finding.message))


# ---- Markdown


def check_markdown(text: str, *, is_generated: bool = False) -> Iterator[tuple[int, str]]:
    """Yield the flagged words of the prose, and the lines that do not have exactly one sentence.

    A line of a generated document may have several sentences.
    """
    lines = list(_prose_lines(text))
    for index, (number, line) in enumerate(lines):
        quotes_masked = QUOTED.sub(lambda quote: "x" * len(quote[0]), line)
        yield from Passage([(number, quotes_masked)]).findings(read_rules("word"))
        if line.lstrip().startswith(EXEMPT_LINES):
            continue
        sentence = _mask(LIST_MARKER.sub("", line)).rstrip()
        follows = index + 1 < len(lines) and lines[index + 1][0] == number + 1
        if follows and not BLOCK_START.match(lines[index + 1][1]) and not SENTENCE_END.search(sentence):
            yield number, "the sentence continues on the next line; write one sentence per line"
        if _sentence_starts(line) and not is_generated:
            yield number, "two sentences on one line; write one sentence per line (--fix splits them)"


def split_sentences(text: str) -> str:
    """Return the Markdown text with each sentence on a line of its own, indented as its list item."""
    lines = text.splitlines(keepends=True)
    for number, line in _prose_lines(text):
        if line.lstrip().startswith(EXEMPT_LINES) or PRAGMA in line:
            continue
        marker = LIST_MARKER.match(line)
        indentation = " " * len(marker[0] if marker is not None else re.match(r" *", line)[0])
        for start in reversed(_sentence_starts(line)):
            line = line[:start].rstrip() + "\n" + indentation + line[start:]  # noqa: PLW2901
        lines[number - 1] = line + "\n"
    return "".join(lines)


def _prose_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the number and the text of each line outside code fences, front matter and HTML comments."""
    fence, is_comment = "", False
    lines = text.splitlines()
    start = lines.index("---", 1) + 1 if lines[:1] == ["---"] and "---" in lines[1:] else 0
    for number, line in enumerate(lines[start:], start + 1):
        mark = re.match(r"\s*(```+|~~~+)", line)
        if mark is not None and not fence:
            fence = mark[1]
        elif fence:
            fence = "" if line.strip().startswith(fence) else fence
        elif is_comment or line.lstrip().startswith("<!--"):
            is_comment = "-->" not in line
        elif line.strip():
            yield number, line


def _sentence_starts(line: str) -> list[int]:
    """Return the position of each sentence of the line but the first."""
    marker = LIST_MARKER.match(line)
    begin = 0 if marker is None else marker.end()
    return [
        begin + match.end() - len(match["opening"])
        for match in TWO_SENTENCES.finditer(_mask(line[begin:]))
        if not ABBREVIATION.fullmatch(match["word"])
    ]


# ---- Python


def check_python(text: str) -> Iterator[tuple[int, str]]:
    """Yield the flagged words of docstrings, comments and messages, and the flagged names."""
    tree = ast.parse(text)
    lines = text.splitlines()
    words = read_rules("word")
    docstrings = set()
    for node in ast.walk(tree):
        docstring = _docstring(node)
        if docstring is not None and id(docstring) not in docstrings:
            docstrings.add(id(docstring))
            yield from Passage(_literal_lines(docstring, lines)).findings(words)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield from _check_first_word(node, docstring)
    for comment in _comments(text):
        yield from comment.findings(words)
    for message in _messages(tree, docstrings):
        yield from Passage(_literal_lines(message, lines)).findings(words)
    yield from _check_names(tree)


def _docstring(node: ast.AST) -> ast.Constant | None:
    """Return the docstring of a module, a class or a function, or the text below an attribute."""
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
        first = node.body[0]
    elif isinstance(node, ast.Expr):
        first = node
    else:
        return None
    value = first.value if isinstance(first, ast.Expr) else None
    return value if isinstance(value, ast.Constant) and isinstance(value.value, str) else None


def _literal_lines(node: ast.expr, lines: list[str]) -> list[tuple[int, str]]:
    """Return the lines of a string literal, without indentation and quotes, except examples and tables."""
    first, last = node.lineno, node.end_lineno or node.lineno
    literal = []
    for number in range(first, last + 1):
        end = node.end_col_offset if number == last else None
        start = node.col_offset if number == first else None
        line = lines[number - 1].encode()[start:end].decode().strip()
        line = re.sub(r"^[rfb]{0,2}(\"\"\"|\"|''')|(\"\"\"|\"|''')$", "", line, flags=re.IGNORECASE)
        if not line.startswith(("$ ", ">>> ", "|")):
            literal.append((number, re.sub(r"\{[^{}]*\}", "x", line)))
    return literal


def _check_first_word(
    node: ast.FunctionDef | ast.AsyncFunctionDef, docstring: ast.Constant
) -> Iterator[tuple[int, str]]:
    decorators = {
        ast.unparse(decorator).split("(")[0].rpartition(".")[2] for decorator in node.decorator_list
    }
    is_a_value = decorators & {"property", "cached_property", "fixture", "setter", "computed_field"}
    if is_a_value or node.name.startswith("test_"):
        return
    first = NOT_A_VERB.match(str(docstring.value).lstrip())
    if first is not None:
        yield docstring.lineno, f'"{first[0]} ...": start the docstring with an imperative verb'


def _comments(text: str) -> Iterator[Passage]:
    """Yield the comments; full-line comments on adjacent lines are one passage."""
    block = Passage()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type != tokenize.COMMENT:
            continue
        line = token.string.lstrip("#: ")
        if re.match(r"(noqa|type:|pragma|fmt:|ruff|mypy)", line):
            continue
        is_alone = token.line.lstrip().startswith("#")
        follows = is_alone and block.lines and block.lines[-1][0] == token.start[0] - 1
        if not follows:
            if block.lines:
                yield block
            block = Passage()
        block.lines.append((token.start[0], line.partition("# noqa")[0]))
    if block.lines:
        yield block


def _messages(tree: ast.AST, docstrings: set[int]) -> Iterator[ast.expr]:
    """Yield the string literals that read as sentences: messages, help texts and descriptions."""
    inner: set[int] = set()
    for node in ast.walk(tree):
        if id(node) in docstrings or id(node) in inner:
            continue
        if isinstance(node, ast.JoinedStr):
            inner.update(id(part) for part in ast.walk(node))
            content = "x".join(str(part.value) for part in node.values if isinstance(part, ast.Constant))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            content = node.value
        else:
            continue
        if len(re.findall(r"[a-z]+ ", content)) >= WORDS_OF_A_SENTENCE and not SQL.search(content):
            yield node


def _check_names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names = [node.name]
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names = [node.id]
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            names = [node.attr]
        elif isinstance(node, ast.arg):
            names = [node.arg]
        elif isinstance(node, ast.alias) and node.asname:
            names = [node.asname]
        for name in names:
            yield from ((getattr(node, "lineno", 1), message) for message in _name_messages(name, "variable"))


def _check_module_name(file: Path) -> Iterator[tuple[int, str]]:
    if file.suffix == ".py":
        yield from ((1, message) for message in _name_messages(file.stem, "module"))


def _name_messages(name: str, kind: str) -> Iterator[str]:
    for rule in read_rules("name"):
        if kind in rule.kinds and rule.pattern.fullmatch(name):
            yield f'"{name}": {rule.message}'


# ---- SQL, scripts and configuration


def check_sql(text: str) -> Iterator[tuple[int, str]]:
    """Yield the flagged words of the comments that start with `--`."""
    yield from _check_comments(text, re.compile(r"(?:^|\s)-- ?(.*)$"))


def check_script(text: str) -> Iterator[tuple[int, str]]:
    """Yield the flagged words of the comments that start with `//` or are enclosed in `/*` and `*/`."""
    yield from _check_comments(text, re.compile(r"(?:^|\s)//\s?(.*)$|/\*\s?(.*?)(?:\*/|$)|^\s*\* (.*)$"))


def check_hash_comments(text: str) -> Iterator[tuple[int, str]]:
    """Yield the flagged words of the comments that start with `#`."""
    yield from _check_comments(text, re.compile(r"(?:^|\s)#+ ?(.*)$"))


def _check_comments(text: str, mark: re.Pattern[str]) -> Iterator[tuple[int, str]]:
    block = Passage()
    for number, line in enumerate(text.splitlines(), 1):
        match = mark.search(line)
        if match is None or (block.lines and line[: match.start()].strip()):
            yield from block.findings(read_rules("word"))
            block = Passage()
        if match is not None:
            block.lines.append((number, next((part for part in match.groups() if part is not None), "")))
    yield from block.findings(read_rules("word"))


def main(arguments: list[str]) -> int:
    """Print the findings, and return the exit code: 1 if there are any."""
    paths = [Path(argument).resolve() for argument in arguments if argument != "--fix"]
    if "--fix" in arguments:
        for file in list_files(paths):
            if file.suffix == ".md" and file.relative_to(ROOT).as_posix() not in GENERATED:
                file.write_text(split_sentences(file.read_text(encoding="utf-8")), encoding="utf-8")
    findings = check(paths)
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
