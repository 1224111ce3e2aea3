"""Exports: all that was said is in them, and nothing that a model or a feed wrote does anything in them.

Nothing is looked for in the text of a file: each is parsed by a reader of its kind, and what it finds is asserted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from html.parser import HTMLParser

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from desk.basis import Account, Basis, Difference
from desk.export import JOINER, Exchange, Source, as_json, html, markdown
from tests.conftest import NOW

ADDRESS = "https://news.example/volcano"


def source(
    n: int = 1, *, title: str = "A volcano", url: str = ADDRESS, text: str = "It erupted.", **more: object
) -> Source:
    return replace(Source(n, title, url, "Island Post", NOW, text, cited=True), **more)  # type: ignore[arg-type]


def exchange(answer: str = "It erupted [1].", *sources: Source, **more: object) -> Exchange:
    whole = Exchange("What happened?", answer, "done", "", "openai/gpt-oss-120b", NOW, sources or (source(),))
    return replace(whole, **more)  # type: ignore[arg-type]


def basis(text: str = "9 died in the sea.") -> Basis:
    """With `text` in each place in which a feed's words may stand."""
    accounts = (
        Account("Island Post", "13", "13 died.", ADDRESS, NOW),
        Account(text, text, text, f"javascript:{text}", NOW),
    )
    return Basis(
        (f"No article says: {text}",), (Difference(f"Reports differ: {text}", accounts),), (text,), text, (text,)
    )


# ---------------------------------------------------------------- readers of what was written


class Page(HTMLParser):
    """An HTML file as a browser takes it: its elements with their attributes, and the text by the element around it."""

    EMPTY = frozenset({"meta", "br", "hr", "img", "link", "input", "base"})

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[tuple[str, str]] = []
        self.open: list[str] = []
        self.odd: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in self.EMPTY
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((self.open[-1] if self.open else "", data))

    def handle_comment(self, data: str) -> None:
        self.odd.append(data)

    def handle_pi(self, data: str) -> None:
        self.odd.append(data)

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def text(self, *within: str) -> str:
        return "".join(text for tag, text in self.texts if tag in within or (not within and tag != "style"))


ELEMENTS = set(
    "html head meta title style body h1 h2 h3 h4 h5 h6 main article footer div p span bdi a em strong s code pre hr br"
    " ul ol li blockquote table thead tbody tr th td details summary".split()
)
ATTRIBUTES = set("lang charset http-equiv content name dir id class href rel value start style".split())


def harmless(text: str) -> Page:
    """The page, of which every element and every address was looked at."""
    page = Page(text)
    assert page.open == []
    assert page.odd == []
    for tag, attributes in page.elements:
        assert tag in ELEMENTS
        assert set(attributes) <= ATTRIBUTES
        assert attributes.get("style", "") in ("", "text-align:left", "text-align:right", "text-align:center")
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for link in page.all("a"):
        if link["href"].startswith("#"):
            assert link["href"][1:] in ids
        else:
            assert re.match(r"https?://[a-z0-9.-]+(/|$)", link["href"])
            assert set(link["rel"].split()) == {"noopener", "noreferrer", "nofollow"}
    return page


READER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
AUTOMATIC = re.compile(r"//|www\.|\w@\w|\w\.[^\W\d_]{2}", re.IGNORECASE)
"""What programs make links of by themselves; some take any name with a dot."""


def walk(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from walk(token.children or [])


def safe(text: str, *addresses: str) -> list[Token]:
    """Everything in a Markdown file, of which a reader that allows HTML and links addresses makes nothing foreign."""
    env: dict[str, object] = {}
    tokens = list(walk(READER.parse(text, env)))
    assert env.get("references", {}) == {}
    assert {token.type for token in tokens} & {"image", "html_inline", "html_block"} == set()
    assert [t.attrs["href"] for t in tokens if t.type == "link_open" and t.attrs["href"] not in addresses] == []
    for token in tokens:
        if token.type == "inline":
            run = "".join("\n" if one.type != "text" else one.content for one in token.children or [])
            assert AUTOMATIC.search(run) is None
    return tokens


def told(tokens: list[Token]) -> str:
    """What a reader sees of parsed Markdown, without white space."""
    seen = "".join(t.content for t in tokens if t.type in ("text", "code_inline", "fence", "code_block", "citation"))
    return "".join(seen.replace(JOINER, "").split())


# ---------------------------------------------------------------- all that was said is there


ANSWER = """# In short

The **volcano** on *the* island erupted [1], twice[2].

1. First
2. Second
   - with `code [1]`

| When | What |
| --- | --- |
| May | ash [1] |

> quoted

```python
print("[1]")
```
"""
TWO = (source(1), source(2, title="Ash", url="https://other.example/ash?a=1&copy=2", cited=False, text=""))


def test_html_has_the_questions_the_answers_and_the_sources_they_were_made_from() -> None:
    page = harmless(html("My volcano", [exchange(ANSWER, *TWO), exchange("No.", question="And\nnow?", model="")]))
    assert page.text("title") == "My volcano"
    assert page.text("h1") == "My volcano"
    assert page.text("h2") == "What happened?And\nnow?"
    assert {"strong", "em", "ol", "ul", "table", "blockquote", "pre"} <= {tag for tag, _ in page.elements}
    assert page.text("h3").startswith("In shortSourcesAlso read")
    assert "Asked on 10 June 2026, 12:00 UTC, answered by openai/gpt-oss-120b" in page.text("p")
    assert "Island Post" in page.text("bdi")
    assert page.text("summary", "details") == "Passage" * 2


def test_citations_in_html_lead_to_the_sources_below_the_same_answer() -> None:
    page = harmless(html("", [exchange(ANSWER, *TWO), exchange("Again [1].", source(1, title="Other"))]))
    own = [link["href"] for link in page.all("a") if link["href"].startswith("#")]
    assert own == ["#s1-1", "#s1-2", "#s1-1", "#s2-1"]
    assert [item["value"] for item in page.all("li") if "value" in item] == ["1", "2", "1"]
    away = [link["href"] for link in page.all("a") if not link["href"].startswith("#")]
    assert away == [ADDRESS, "https://other.example/ash?a=1&copy=2", ADDRESS]
    assert page.text("code") == 'code [1]print("[1]")\n'


def test_the_page_allows_itself_nothing_but_its_style_and_asks_for_nothing() -> None:
    page = harmless(html("", [exchange()]))
    policies = [meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'"]
    style = page.text("style")
    assert "url(" not in style
    assert "@import" not in style
    assert "prefers-color-scheme: dark" in style
    assert "@media print" in style


def test_markdown_has_the_questions_the_answers_and_the_sources_they_were_made_from() -> None:
    addresses = (ADDRESS, "https://other.example/ash?a=1&copy=2")
    tokens = safe(markdown("My volcano", [exchange(ANSWER, *TWO), exchange("No.", question="And\nnow?")]), *addresses)
    headings = [
        (t.tag, told(tokens[i + 1 : i + 2][0].children or [])) for i, t in enumerate(tokens) if t.type == "heading_open"
    ]
    assert headings == [
        ("h1", "Myvolcano"), ("h2", "Whathappened?"), ("h3", "Inshort"), ("h2", "Andnow?"),
    ]  # fmt: skip
    links = [token.attrs["href"] for token in tokens if token.type == "link_open"]
    assert links == [addresses[0], addresses[1], addresses[0], addresses[0], addresses[1], addresses[0]]
    assert [t.content for t in tokens if t.type == "code_inline"] == ["code [1]"]
    assert [t.content for t in tokens if t.type == "fence"] == ['print("[1]")\n']
    kinds = {token.type for token in tokens}
    assert {"strong_open", "em_open", "ordered_list_open", "bullet_list_open", "table_open", "blockquote_open"} <= kinds
    assert "IslandPost,10June2026" in told(tokens)


def test_a_number_without_a_source_is_text_and_a_source_without_an_address_is_no_link() -> None:
    one = exchange("See [1] and [7] and [01].", source(url=""))
    assert [link["href"] for link in harmless(html("", [one])).all("a")] == ["#s1-1", "#s1-1"]
    assert "See[1]and[7]and" in told(safe(markdown("", [one])))


def test_json_has_everything_with_ratings_and_notes_and_a_version() -> None:
    asked = datetime(2026, 6, 10, 14, tzinfo=timezone(timedelta(hours=2)))
    one = exchange(rating=-1, note="Wrong “island”", asked_at=asked, state="stopped", reason="火山")
    text = as_json("My volcano", [one])
    assert text.splitlines()[1] == '  "version": 1,'
    assert "火山" in text
    assert json.loads(text) == {
        "version": 1,
        "title": "My volcano",
        "exchanges": [
            {
                "question": "What happened?", "answer": "It erupted [1].", "state": "stopped", "reason": "火山",
                "model": "openai/gpt-oss-120b", "asked_at": "2026-06-10T14:00:00+02:00", "rating": -1,
                "note": "Wrong “island”",
                "basis": {"caveats": [], "differences": [], "alone": [], "searched": "", "troubles": []},
                "sources": [
                    {
                        "n": 1, "title": "A volcano", "url": ADDRESS, "feed": "Island Post", "text": "It erupted.",
                        "published_at": "2026-06-10T12:00:00+00:00", "cited": True,
                    }
                ],
            }
        ],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("state", "reason", "words"),
    [
        ("stopped", "", "This answer was stopped by its reader."),
        ("streaming", "", "This answer was not finished."),
        ("failed", "The <key> was refused.", "The <key> was refused."),
        ("done", "", ""),
    ],
)
def test_how_an_answer_ended_is_told(state: str, reason: str, words: str) -> None:
    one = exchange("Half", state=state, reason=reason)
    page, tokens = harmless(html("", [one])), safe(markdown("", [one]), ADDRESS)
    assert (words in page.text("p")) is True
    assert page.all("p").count({"class": "told"}) == 1 + bool(words)
    assert [t.type for t in tokens].count("em_open") == 1 + bool(words)
    assert "".join(words.split()) in told(tokens)


def test_what_an_answer_lacks_where_reports_differ_and_what_was_searched_is_told_in_html() -> None:
    told = Basis(basis().caveats, basis().differences, ("Only A says 7.",), "Searched 9.", ("Failed: A.",))
    page = harmless(html("", [exchange(basis=told)]))
    assert page.text("h3") == "Reports differ: 9 died in the sea.Sources"
    assert page.text("th") == "OutletSaysPublished (UTC)In these words"
    assert (
        page.text("td") == "1310 June 2026, 12:0013 died." + "9 died in the sea.10 June 2026, 12:009 died in the sea."
    )
    assert [link["href"] for link in page.all("a")] == ["#s1-1", ADDRESS, ADDRESS]
    quiet = page.text("p")
    assert "No article says: 9 died in the sea." in quiet
    assert quiet.endswith("Only A says 7.It erupted.Searched 9. Failed: A.")


def test_what_an_answer_lacks_where_reports_differ_and_what_was_searched_is_told_in_markdown() -> None:
    told_beside = Basis(basis().caveats, basis("9 | died").differences, ("Only A says 7.",), "Searched 9.", ())
    tokens = safe(markdown("", [exchange(basis=told_beside)]), ADDRESS)
    cells = [told(t.children or []) for i, t in enumerate(tokens) if i and tokens[i - 1].type in ("th_open", "td_open")]
    assert cells == [
        "Outlet", "Says", "Published(UTC)", "Inthesewords",
        "IslandPost", "13", "10June2026,12:00", "13died.",
        "9|died", "9|died", "10June2026,12:00", "9|died",
    ]  # fmt: skip
    assert "Noarticlesays:9diedinthesea." in told(tokens)
    assert "OnlyAsays7." in told(tokens)
    assert told(tokens).endswith("Searched9.")


def test_json_has_what_an_answer_lacks_and_where_reports_differ() -> None:
    (one,) = json.loads(as_json("", [exchange(basis=basis())]))["exchanges"]
    assert one["basis"]["caveats"] == ["No article says: 9 died in the sea."]
    (difference,) = one["basis"]["differences"]
    assert difference["accounts"][0] == {
        "feed": "Island Post", "says": "13", "quote": "13 died.", "url": ADDRESS, "at": NOW.isoformat(),
    }  # fmt: skip


def test_a_conversation_without_turns_is_a_file_with_its_title() -> None:
    assert harmless(html("Empty", [])).text("h1") == "Empty"
    assert told(safe(markdown("Empty", []))) == "Empty"
    assert json.loads(as_json("Empty", []))["exchanges"] == []


# ---------------------------------------------------------------- hostile text

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "</title></style></h1><iframe src=//evil.example>",
    "<!-- a comment",
    "<?php ?> <![CDATA[ x ]]>",
    "![picture](https://evil.example/p.png)",
    "![picture][1]\n\n[1]: https://evil.example/p.png",
    "[link](https://evil.example)",
    "[link](javascript:alert(1))",
    "[1](https://evil.example)",
    "[1]: https://evil.example",
    "[ref]\n\n[ref]: https://evil.example 'x'",
    "<https://evil.example>",
    "https://evil.example/?q=secret and www.evil.example and me@evil.example and evil.com",
    "&lt;script&gt; &#60;img src=x&#62; &colon;",
    "`a`![x](https://evil.example)`b",
    "```\n```\n![x](https://evil.example)",
    "~~~ html\n<b>\n~~~",
    "    <b>indented</b>\n\n<div>\n\n![x](https://evil.example)",
    "| a | b |\n| - | - |\n| `x | y` | <b> ![x](https://evil.example) |",
    "> <b>\n> [x](https://evil.example)\n\n1. <i>\n   ![x](https://evil.example)",
    "\\[x\\](https://evil.example) \\\\[x](https://evil.example) \\<b> \\![x](//evil.example)",
    "[[wiki]] ![[embed]] {{template}} $x$ :red[x] #tag {.class onclick=x}",
    "# heading\n===\n\n---\n- list\n+ list\n* list\n1) list",
    "nul \0, half \ud83d, \u202eturned\u202c, \u2066isolated\u2069, \x1b[31m",
    "*" * 500 + "_" * 500 + "[" * 500,
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_in_any_place_of_the_html_is_only_text(text: str) -> None:
    one = exchange(
        text, source(title=text, text=text, feed=text), question=text, model=text, reason=text, basis=basis(text)
    )
    whole = html(text, [one])
    whole.encode("utf-8")
    page = harmless(whole)
    assert [link["href"] for link in page.all("a") if not link["href"].startswith("#")] == [ADDRESS] * 2
    assert not re.search("[\0\x1b\u202e\u2066]", whole)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_in_any_place_of_the_markdown_is_only_text(text: str) -> None:
    one = exchange(
        text, source(title=text, text=text, feed=text), question=text, model=text, reason=text, basis=basis(text)
    )
    whole = markdown(text, [one])
    whole.encode("utf-8")
    safe(whole, ADDRESS)
    assert not re.search("[\0\x1b\u202e\u2066]", whole)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_in_the_json_as_it_was_written(text: str) -> None:
    whole = as_json(text, [exchange(text)])
    whole.encode("utf-8")
    assert json.loads(whole)["exchanges"][0]["answer"] == text.encode("utf-8", "replace").decode()


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        " java\nscript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "file:///etc/passwd",
        "//evil.example",
        "/path",
        "https://",
        "https://news.example@evil.example/",
        "https://[::1/",
        "ftp://news.example/",
        "mailto:a@b.example",
        "",
    ],
)
def test_an_address_nobody_should_open_is_no_link(url: str) -> None:
    one = exchange("It erupted [1].", source(url=url))
    assert [link["href"] for link in harmless(html("", [one])).all("a")] == ["#s1-1"]
    assert [token for token in safe(markdown("", [one])) if token.type == "link_open"] == []


@pytest.mark.parametrize(
    "url",
    [
        'https://news.example/"onmouseover=alert(1) x="',
        "https://news.example/a)![x](https://evil.example/p.png",
        "https://news.example/a> <img src=x>",
        "https://news.example/a\\",
        "https://news.example/&quot;&lt;&#x20;",
        "https://news.example/a\n\n![x](https://evil.example/p.png)",
        "https://news.example/a`|*_b",
    ],
)
def test_an_address_cannot_break_out_of_its_place(url: str) -> None:
    one = exchange("It erupted [1].", source(url=url))
    page = harmless(html("", [one]))
    (address,) = [link["href"] for link in page.all("a") if not link["href"].startswith("#")]
    assert address.startswith("https://news.example/")
    links = {token.attrs["href"] for token in walk(READER.parse(markdown("", [one]))) if token.type == "link_open"}
    assert links == {READER.normalizeLink(address)}
    safe(markdown("", [one]), *links)


PIECES = st.sampled_from(
    [
        *"!\"#$%&'()*+-./:<=>?@[\\]^_`{|}~ \n\t1a",
        "[1]",
        "](https://evil.example)",
        "![",
        "<b>",
        "\n\n",
        "    ",
        "```",
        "| - |\n",
        "www.",
        "://",
    ]
)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(PIECES, max_size=40).map("".join))
@example("`a`\u2066``![x](https://evil.example)``")
@example("- ---\n- ***")
@example("![1]")
def test_whatever_a_model_writes_its_exports_hold_nothing_foreign(answer: str) -> None:
    one = exchange(answer, source(title=answer))
    harmless(html(answer, [one]))
    safe(markdown(answer, [one]), ADDRESS)


def test_words_survive_the_way_through_markdown() -> None:
    text = (
        "It's 5 < 6 & 7 > 2, *not* snake_case: -1, +1, #1, $5, `a|b` ~x~ 2026. 100% [sic] {x} a\\b c^d ==\n"
        "- 1) one\n- --\n2. two"
    )
    back = told(safe(markdown("", [exchange(text, source(title="", url="", feed=""))])))
    assert told(list(walk(READER.parse(text)))) in back
