"""Searches as feeds: an address with a place for words, and words -> the address of a feed about them. Pure.

    Template("Google News", "https://news.google.com/rss/search?q={query}")

The words come from a person or from a question, a template from `catalogue.json` or from the reader. Whether the
address may be asked at all is decided where it is fetched.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from news.errors import BadURL
from news.fetch import check_url
from news.text import visible

PLACE = "{query}"
LONGEST = 200
"""Characters of the words that are searched for."""
LONGEST_NAME = 60
TOPIC = "Searches"
"""The topic of feeds that are searches."""


@dataclass(frozen=True, slots=True)
class Template:
    """Somewhere to search: its name, and an http(s) address that holds `{query}` once, after its host."""

    name: str
    address: str

    @property
    def host(self) -> str:
        """Whom a search there asks."""
        return urlsplit(self.address).hostname or ""


def template(name: str, address: str) -> Template:
    """A template from what a person wrote. Raises BadURL with what is wrong."""
    name, address = words(name)[:LONGEST_NAME].strip(), visible(address).strip()
    if not name:
        raise BadURL("Give the search a name.", url=address)
    if address.count(PLACE) != 1:
        raise BadURL(f"The address must hold {PLACE} once, where the words to search for belong.", url=address)
    check_url(address.replace(PLACE, "news"), allow_private=True)
    before, _, _ = address.partition(PLACE)
    try:
        parts = urlsplit(before)
    except ValueError:  # cut in the middle of a host
        parts = urlsplit("")
    if not parts.netloc or not (parts.path or parts.query) or parts.fragment or "#" in before:
        raise BadURL(f"{PLACE} must stand in the path or in the query of the address, after its host.", url=address)
    return Template(name, address)


def address(template: Template, query: str) -> str:
    """The address of the feed that searches for `query` (see `words`), as the fetcher writes it.

    Raises BadURL if nothing is left of the query, or if the whole becomes too long.
    """
    wanted = words(query)
    if not wanted:
        raise BadURL("Type what the search should look for.")
    return check_url(template.address.replace(PLACE, quote(wanted, safe="")), allow_private=True)


def title(template: Template, query: str) -> str:
    """What the feed of a search is called."""
    return f"{template.name}: {words(query)}"


def words(query: str) -> str:
    """A query as one line of at most `LONGEST` characters, cut between words, without what cannot be seen."""
    told = " ".join(visible(query[: 10 * LONGEST]).split())
    if len(told) <= LONGEST:
        return told
    cut = told[: LONGEST + 1].rpartition(" ")[0]
    return cut or told[:LONGEST]
