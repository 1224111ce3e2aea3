"""A conversation as a file: Markdown to go on writing, HTML to read and print, JSON for programs. Pure.

The words are a model's and the titles are a feed's, so all of it is hostile. An answer is parsed without links,
pictures and HTML, and written anew from what was parsed: nothing in it can become more than text, lists, tables and
code. The only links are those to the sources, and of them only addresses with http or https.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from html import escape
from typing import Any
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from desk.basis import Account, Basis, day

VERSION = 1
"""Of the JSON: higher when a program that reads it would have to change."""


@dataclass(frozen=True, slots=True)
class Source:
    """A passage that an answer was given as number `n`. `url` may be anything: it is a link only with http or https."""

    n: int
    title: str
    url: str
    feed: str
    published_at: datetime
    text: str
    cited: bool


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question and its answer, which is Markdown where `[n]` cites source n. `state` is that of a turn."""

    question: str
    answer: str
    state: str
    reason: str
    model: str
    asked_at: datetime
    sources: tuple[Source, ...] = ()
    basis: Basis = field(default_factory=Basis)
    rating: int = 0
    note: str = ""


def as_json(title: str, exchanges: Sequence[Exchange]) -> str:
    """Everything, ratings and notes included, as indented JSON; times in ISO 8601."""
    whole = {"version": VERSION, "title": title, "exchanges": [asdict(exchange) for exchange in exchanges]}
    # What is no character cannot be written to a file either.
    return _encodable(json.dumps(whole, ensure_ascii=False, indent=2, default=datetime.isoformat)) + "\n"


def markdown(title: str, exchanges: Sequence[Exchange]) -> str:
    """Questions as headings, answers below them, their citations as links to the sources, which are listed after."""
    blocks = [f"# {_line(title)}"]
    for exchange in exchanges:
        addresses = {source.n: _address(source.url) for source in exchange.sources}
        blocks.append(f"## {_line(exchange.question)}")
        blocks.append(f"*{_line(_told(exchange))}*")
        blocks += _Writer(addresses).blocks(_parse(exchange.answer, dict.fromkeys(addresses, "")))
        if ending := _ending(exchange):
            blocks.append(f"*{_line(ending)}*")
        if told := " ".join(exchange.basis.caveats):
            blocks.append(f"*{_line(told)}*")
        for difference in exchange.basis.differences:
            blocks += [f"**{_line(difference.heading)}**", "\n".join(_accounts(difference.accounts))]
        blocks += [f"*{_line(told)}*" for told in exchange.basis.alone]
        for heading, sources in _lists(exchange.sources):
            blocks.append(f"**{heading}**")
            blocks.append("\n".join(_listed(source) for source in sources))
        if told := " ".join(filter(None, (exchange.basis.searched, *exchange.basis.troubles))):
            blocks.append(f"*{_line(told)}*")
    return "\n\n".join(blocks) + "\n"


def html(title: str, exchanges: Sequence[Exchange]) -> str:
    """One file that needs nothing else: no script, no picture, no request."""
    return page(title, "\n".join(article(exchange, number) for number, exchange in enumerate(exchanges, 1)))


def page(title: str, body: str) -> str:
    """An HTML file of that title around `body`, which is HTML made by us."""
    return _PAGE.format(title=shown(title), style=_STYLE, articles=body)


# ---------------------------------------------------------------- what all of them say

_HIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
"""Characters that nobody sees and programs obey: controls, direction overrides, tags."""


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")


def _clean(text: str) -> str:
    return _HIDDEN.sub("", _encodable(text))


def _told(exchange: Exchange) -> str:
    when = exchange.asked_at.astimezone(UTC)
    asked = f"Asked on {day(when)}, {when:%H:%M} UTC"
    return f"{asked}, answered by {exchange.model}" if exchange.model else asked


def _ending(exchange: Exchange) -> str:
    """How an answer ended if it did not end well; "" if it did."""
    if exchange.state == "stopped":
        return exchange.reason or "This answer was stopped by its reader."
    if exchange.state == "streaming":
        return "This answer was not finished."
    return exchange.reason


def _lists(sources: Sequence[Source]) -> Iterator[tuple[str, list[Source]]]:
    for heading, cited in (("Sources", True), ("Also read", False)):
        if found := sorted((source for source in sources if source.cited == cited), key=lambda source: source.n):
            yield heading, found


_COLUMNS = ("Outlet", "Says", "Published (UTC)", "In these words")


def _published(account: Account) -> str:
    return f"{day(account.at)}, {account.at.astimezone(UTC):%H:%M}"


def _address(url: str) -> str:
    """`url` with nothing in it that HTML or Markdown reads as more than an address; "" if it is not one to open."""
    url = _clean(url).strip()
    try:
        parts = urlsplit(url)
        host, user = parts.hostname, parts.username
    except ValueError:
        return ""
    if parts.scheme.lower() not in ("http", "https") or not host or ":" in host or user is not None:
        return ""
    return re.sub(r"[\s\"'()*<>\[\\\]^`{|}~$]", lambda match: "".join(f"%{b:02X}" for b in match[0].encode()), url)


# ---------------------------------------------------------------- reading an answer

_CITATION = re.compile(r"\[(\d{1,3})\]")


def _citation(state: StateInline, silent: bool) -> bool:
    """`[n]` where source n exists; `env` has for each n the place that HTML links to."""
    match = _CITATION.match(state.src, state.pos)
    if match is None or int(match[1]) not in state.env["places"]:
        return False
    if not silent:
        token = state.push("citation", "a", 0)
        token.content = str(int(match[1]))
    state.pos = match.end()
    return True


def _draw_citation(_: RendererHTML, tokens: Sequence[Token], index: int, _options: Any, env: Any) -> str:
    n = int(tokens[index].content)
    return f'<a class="n" href="#{env["places"][n]}">[{n}]</a>'


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "linkify": False, "typographer": False})
    parser.enable(["table", "strikethrough"])
    parser.disable(["link", "image", "autolink", "html_inline", "html_block", "reference"])
    parser.inline.ruler.before("emphasis", "citation", _citation)
    parser.add_render_rule("citation", _draw_citation)
    return parser


_READ = _parser()


def _parse(answer: str, places: Mapping[int, str]) -> list[Token]:
    tokens = _READ.parse(_clean(answer), {"places": places})
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):  # below the question, which is the second level
            token.tag = f"h{min(int(token.tag[1]) + 2, 6)}"
    return tokens


# ---------------------------------------------------------------- Markdown

_PUNCTUATION = re.compile(r"[!#$&*<\[\\\]^_`{|}~]")
_AUTOMATIC = re.compile(r"(?<=[Ww]{3})(?=\.)|(?<=/)(?=/)|(?=@)|(?<=\w\.)(?=[^\W\d_]{2})")
"""Inside what some programs make a link of by itself; no backslash stops them, only a letter between does."""
_OPENING = re.compile(r"^(\d{0,9})(?=[.)>:=+-])")
"""Where a line could begin a list, a quotation, an underlined heading or a table."""
JOINER = "\u2060"
"""The word joiner, a letter that takes no room."""


def _words(text: str) -> str:
    """Text as Markdown that shows it letter by letter, within a line."""
    return _PUNCTUATION.sub(r"\\\g<0>", _AUTOMATIC.sub(JOINER, text))


def _line(text: str) -> str:
    return _OPENING.sub(r"\1\\", _words(" ".join(_clean(text).split())))


def _listed(source: Source) -> str:
    title, address = _line(source.title) or "Untitled", _address(source.url)
    linked = f"[{title}]({address.replace('&', '&amp;')})" if address else title
    return f"- \\[{source.n}\\] {linked}, {_line(source.feed)}, {day(source.published_at)}"


def _accounts(accounts: Sequence[Account]) -> Iterator[str]:
    """The lines of a table."""
    yield f"| {' | '.join(_COLUMNS)} |"
    yield "|" + " --- |" * len(_COLUMNS)
    for one in accounts:
        feed, address = _line(one.feed), _address(one.url)
        linked = f"[{feed}]({address.replace('&', '&amp;')})" if feed and address else feed
        yield f"| {linked} | {_line(one.says)} | {_published(one)} | {_line(one.quote)} |"


class _Writer:
    """Parsed Markdown, written as Markdown. `addresses` are those of the sources, by number."""

    def __init__(self, addresses: Mapping[int, str]) -> None:
        self.addresses = addresses

    def blocks(self, tokens: Sequence[Token]) -> list[str]:
        """One text a block, without the blank lines between."""
        found = []
        position = 0
        while position < len(tokens):
            end = self._end(tokens, position)
            found.append(self._block(tokens[position], tokens[position + 1 : end]))
            position = end + 1
        return [block for block in found if block]

    def _end(self, tokens: Sequence[Token], start: int) -> int:
        depth = 0
        for position in range(start, len(tokens)):
            depth += tokens[position].nesting
            if depth == 0:
                return position
        return len(tokens)

    def _block(self, token: Token, inner: Sequence[Token]) -> str:
        match token.type:
            case "paragraph_open":
                return self._inline(inner[0])
            case "heading_open":
                return f"{'#' * int(token.tag[1])} {self._inline(inner[0]).replace(chr(10), ' ')}"
            case "blockquote_open":
                return _indented(self.blocks(inner), "> ", "> ")
            case "bullet_list_open" | "ordered_list_open":
                return self._list(token, inner)
            case "fence" | "code_block":
                ticks = "`" * max(3, 1 + max(map(len, re.findall("`+", token.content)), default=0))
                return f"{ticks}\n{token.content.rstrip(chr(10))}\n{ticks}"
            case "table_open":
                return self._table(inner)
            case "hr":
                return "***"  # in a list, "- ---" would be one long line
        raise AssertionError(f"unknown block {token.type}")

    def _list(self, token: Token, inner: Sequence[Token]) -> str:
        items: list[str] = []
        position = 0
        number = int(token.attrs.get("start", 1)) if token.type == "ordered_list_open" else None
        while position < len(inner):
            end = self._end(inner, position)
            sign = "- " if number is None else f"{number + len(items)}. "
            items.append(_indented(self.blocks(inner[position + 1 : end]), sign, " " * len(sign)))
            position = end + 1
        return "\n".join(items)

    def _table(self, inner: Sequence[Token]) -> str:
        rows: list[list[str]] = []
        for token in inner:
            if token.type == "tr_open":
                rows.append([])
            elif token.type == "inline":
                rows[-1].append(self._inline(token))
        lines = ["| " + " | ".join(row) + " |" for row in rows]
        return "\n".join([lines[0], "|" + " --- |" * len(rows[0]), *lines[1:]])

    def _inline(self, token: Token) -> str:
        pieces = []
        for child in token.children or ():
            match child.type:
                case "text" | "text_special":
                    pieces.append(_words(child.content))
                case "softbreak":
                    pieces.append("\n")
                case "hardbreak":
                    pieces.append("\\\n")
                case "code_inline":
                    pieces.append(_code(child.content))
                case "citation":
                    n = int(child.content)
                    address = self.addresses[n].replace("&", "&amp;")
                    pieces.append(f"[\\[{n}\\]]({address})" if address else f"\\[{n}\\]")
                case "em_open" | "em_close" | "strong_open" | "strong_close" | "s_open" | "s_close":
                    pieces.append(child.markup)
                case _:
                    raise AssertionError(f"unknown text {child.type}")
        lines = "".join(pieces).split("\n")
        return "\n".join(_OPENING.sub(r"\1\\", line.strip(" \t")) for line in lines)


def _code(content: str) -> str:
    """A code span; plain text if it has a bar, which would end the cell of a table."""
    if "|" in content:
        return _words(content)
    ticks = "`" * (1 + max(map(len, re.findall("`+", content)), default=0))
    room = " " if content.startswith("`") or content.endswith("`") or content.strip() != content else ""
    return f"{ticks}{room}{content}{room}{ticks}"


def _indented(blocks: Sequence[str], first: str, others: str) -> str:
    lines = "\n\n".join(blocks).split("\n")
    return "\n".join(((others if number else first) + line).rstrip(" ") for number, line in enumerate(lines))


# ---------------------------------------------------------------- HTML


def shown(text: str) -> str:
    """Any text as HTML that shows it."""
    return escape(_clean(text))


def article(exchange: Exchange, number: int = 1) -> str:
    """A question with its answer and sources as HTML; `number` keeps the places in a page apart."""
    places = {source.n: f"s{number}-{source.n}" for source in exchange.sources}
    answer = _READ.renderer.render(_parse(exchange.answer, places), _READ.options, {"places": places})
    ending = _ending(exchange)
    lists = "".join(
        f'<h3>{heading}</h3>\n<ol class="sources">\n{"".join(_item(one, places[one.n]) for one in sources)}</ol>\n'
        for heading, sources in _lists(exchange.sources)
    )
    return (
        f'<article id="q{number}">\n<h2 dir="auto">{shown(exchange.question)}</h2>\n'
        f'<p class="told">{shown(_told(exchange))}</p>\n<div class="answer" dir="auto">\n{answer}</div>\n'
        + _told_apart(ending)
        + _told_apart(" ".join(exchange.basis.caveats))
        + "".join(
            f"<h3>{shown(difference.heading)}</h3>\n{_table(difference.accounts)}"
            for difference in exchange.basis.differences
        )
        + "".join(map(_told_apart, exchange.basis.alone))
        + (f"<footer>\n{lists}</footer>\n" if lists else "")
        + _told_apart(" ".join(filter(None, (exchange.basis.searched, *exchange.basis.troubles))))
        + "</article>"
    )


def _told_apart(text: str) -> str:
    return f'<p class="told">{shown(text)}</p>\n' if text else ""


def _table(accounts: Sequence[Account]) -> str:
    head = "".join(f"<th>{column}</th>" for column in _COLUMNS)
    rows = "".join(
        f"<tr><td>{_linked(one.feed, one.url)}</td><td>{shown(one.says)}</td><td>{_published(one)}</td>"
        f'<td dir="auto">{shown(one.quote)}</td></tr>\n'
        for one in accounts
    )
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n"


def _linked(text: str, url: str) -> str:
    """Text in a page, linked to where it is from if that is an address to open."""
    words, address = shown(text) or "Untitled", _address(url)
    if address:
        words = f'<a href="{escape(address)}" rel="noopener noreferrer nofollow">{words}</a>'
    return f"<bdi>{words}</bdi>"


def _item(source: Source, place: str) -> str:
    passage = (
        f'<details><summary>Passage</summary><p dir="auto">{shown(source.text)}</p></details>' if source.text else ""
    )
    return (
        f'<li id="{place}" value="{source.n}">{_linked(source.title, source.url)} '
        f'<span class="told"><bdi>{shown(source.feed)}</bdi>, {day(source.published_at)}</span>{passage}</li>\n'
    )


_STYLE = """
:root { color-scheme: light dark; --ink: #1f1d1a; --paper: #fbf9f4; --quiet: #6b645a; --line: #ddd5c6; --link: #7c1a12;
  --shade: #f2eee5; }
@media (prefers-color-scheme: dark) { :root { --ink: #e9e4d9; --paper: #161513; --quiet: #a39b8d; --line: #3a362f;
  --link: #eaa58c; --shade: #211f1c; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 44rem; padding: 2.5rem 1.25rem 4rem; background: var(--paper); color: var(--ink);
  font: 1.0625rem/1.6 Georgia, "Source Serif 4", "Noto Serif", serif; overflow-wrap: break-word; }
h1 { font-size: 2rem; line-height: 1.2; margin: 0; padding-bottom: 1rem; border-bottom: 3px double var(--line); }
h2 { font-size: 1.35rem; line-height: 1.3; margin: 2.5rem 0 .25rem; white-space: pre-line; }
h3, h4, h5, h6 { font-size: 1.05rem; margin: 1.5rem 0 .25rem; }
p, ul, ol, pre, table, blockquote { margin: .75rem 0; }
a { color: var(--link); text-decoration-thickness: 1px; text-underline-offset: .15em; }
a.n { text-decoration: none; font-size: .8em; vertical-align: .15em; }
.told { color: var(--quiet); font-size: .875rem; margin: 0; }
mark { background: var(--shade); color: inherit; border-bottom: 2px solid var(--link); }
dt { margin-top: .75rem; } dd { margin: 0 0 0 1.25rem; } .sum { font-family: ui-monospace, Menlo, monospace;
  font-size: .75rem; overflow-wrap: anywhere; }
footer { border-top: 1px solid var(--line); margin-top: 1.5rem; font-size: .9375rem; }
footer h3 { font-size: .9375rem; margin: .75rem 0 0; }
.sources { margin: .25rem 0; padding-left: 2.25rem; }
li:target { background: var(--shade); }
details p { white-space: pre-line; margin: .25rem 0 .75rem; }
summary { color: var(--quiet); cursor: pointer; font-size: .875rem; }
hr { border: 0; border-top: 1px solid var(--line); }
blockquote { margin-left: 0; padding-left: 1rem; border-left: 3px solid var(--line); }
code, pre { background: var(--shade); font: .875em/1.5 ui-monospace, Menlo, Consolas, monospace; border-radius: 3px; }
code { padding: .1em .3em; } pre { padding: .75rem 1rem; overflow-x: auto; } pre code { padding: 0; font-size: 1em; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { border: 1px solid var(--line); padding: .3rem .6rem; text-align: left; }
@media print { :root { --ink: #000; --paper: #fff; --quiet: #444; --line: #bbb; --link: #000; --shade: #f4f4f4; }
  body { max-width: none; padding: 0; font-size: 11pt; } h1, h2, h3 { break-after: avoid; }
  li, tr, pre { break-inside: avoid; } details { display: none; }
  .sources a::after { content: " <" attr(href) ">"; color: var(--quiet); font-size: .85em; } }
"""

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<h1 dir="auto">{title}</h1>
<main>
{articles}
</main>
</body>
</html>
"""
