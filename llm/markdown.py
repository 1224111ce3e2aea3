"""Text that others wrote, as Markdown that Streamlit shows letter by letter. Pure.

Streamlit reads its Markdown three times, and each reading has its own way past a backslash:

1. While a text streams, it is mended by a program that does not know backslashes: it closes brackets it believes open
   and hides everything after a `<`. So `[ ] < >` and `$` are written as character references, which it never sees.
2. The parser (CommonMark, tables, strike-through, formulas, `:name[…]` directives). A backslash before ASCII
   punctuation stops it.
3. Afterwards the finished text is searched for addresses, icons, emoji codes and arrows. Only a letter between helps:
   U+2060, the word joiner, which takes no room.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

JOINER = "\u2060"

HIDDEN = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]"
)
"""Characters that no reader sees but a program obeys: controls, direction overrides, tags, joiners, lone surrogates.

Not among them: the joiners U+200C and U+200D, which Persian, Indic scripts and emoji need.
"""
SPACES = re.compile(r"\s+")

_REFERENCES = {"[": "&#91;", "]": "&#93;", "<": "&lt;", ">": "&gt;", "$": "&#36;", "(": "(", "\\": "&#92;"}
# A backslash before a round bracket begins a formula to the first reading; alone the bracket means nothing.
_PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]")
_AUTOMATIC = re.compile(
    r"(?P<address>(?<=[Ww]{3})(?=\.)|(?<=:)(?=//)|(?<=@))"
    r"|(?P<icon>(?<=:)(?=material[/_]|streamlit:))"
    r"|(?P<emoji>(?<=:)(?=(?:[\w+-]*[A-Za-z][\w+-]*|100|1234|[+-]1):))"
    r"|(?P<arrow>(?<=(?<!\S)[<>~-])(?=(?:[=>-]|->)(?!\S)))",
    re.ASCII,
)
_IN_URLS = re.compile(r"[\s\"'()*<>\[\\\]^`{|}~$]|:(?=material/)")


def escape(character: str) -> str:
    """One character of ASCII punctuation, so that neither the mender nor the parser takes it for more."""
    return _REFERENCES.get(character) or "\\" + character


def literal(text: str) -> str:
    """Any text as one line of Markdown that shows it letter by letter, in a paragraph, label, heading, table or title.

    Runs of white space become one space, `HIDDEN` characters go. Addresses do not become links.
    """
    line = SPACES.sub(" ", HIDDEN.sub("", text)).strip()
    return _PUNCTUATION.sub(lambda match: escape(match[0]), _AUTOMATIC.sub(JOINER, line))


def link(text: str, url: str, title: str = "") -> str:
    """A Markdown link that shows `text` letter by letter; without an address to open (http or https), only the text.

    `title` is what a browser shows when the pointer rests on the link.
    """
    address = destination(url)
    if not address:
        return literal(text)
    return f'[{literal(text)}]({address} "{literal(title)}")' if title else f"[{literal(text)}]({address})"


def destination(url: str) -> str:
    """`url` as it is written between the brackets of a Markdown link, or "" if it is not one a reader should open."""
    return _IN_URLS.sub(_percent, web_address(url)).replace("&", "\\&")


def web_address(url: str) -> str:
    """`url` without what nobody sees in it, or "" if it is not one a reader should open.

    Those are http and https with a host by name or IPv4 address, and without a user name, which only ever deceives.
    """
    url = HIDDEN.sub("", url).strip()
    try:
        parts = urlsplit(url)
        host, user = parts.hostname, parts.username
    except ValueError:
        return ""
    return url if parts.scheme.lower() in ("http", "https") and host and ":" not in host and user is None else ""


def _percent(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match[0].encode())
