"""Starter packs: well-known public feeds by topic and by country, for a reader who has none yet; and where to
search. Pure but for one file.

Packs and searches live in `catalogue.json`, which people edit: one feed a line. A slip there is told with its line,
never passed over in silence.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from news.errors import BadURL, NewsError
from news.searches import Template, template

CATALOGUE = Path(__file__).with_name("catalogue.json")

Kind = Literal["topic", "country"]
KINDS: dict[str, Kind] = {"topic": "topic", "country": "country"}


class BadCatalogue(NewsError):
    """The catalogue was edited wrongly. The sentence names the line, and the pack if it is known."""


@dataclass(frozen=True, slots=True)
class PackFeed:
    """A feed of a pack. `language` is a BCP 47 tag; `topic` is the folder it is put into: the title of its pack."""

    url: str
    title: str
    language: str
    topic: str


@dataclass(frozen=True, slots=True)
class Pack:
    """A handful of feeds that are added together. `language` is that of most of them; `id` is unique."""

    id: str
    title: str
    kind: Kind
    language: str
    feeds: tuple[PackFeed, ...]

    @property
    def languages(self) -> tuple[str, ...]:
        """Every language of the pack, that of most feeds first."""
        return tuple(dict.fromkeys((self.language, *(feed.language for feed in self.feeds))))


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What the file holds, in its order."""

    packs: tuple[Pack, ...]
    searches: tuple[Template, ...]


def packs() -> tuple[Pack, ...]:
    """All packs in the order of `catalogue.json`: topics, then countries. Raises BadCatalogue."""
    return _catalogue().packs


def searches() -> tuple[Template, ...]:
    """The templates of searches in the order of `catalogue.json`, the best first. Raises BadCatalogue."""
    return _catalogue().searches


@cache
def _catalogue() -> Catalogue:
    return read(CATALOGUE.read_text(encoding="utf-8"))


def read(text: str) -> Catalogue:
    """The catalogue from its text. Raises BadCatalogue naming the line that has to be mended."""
    try:
        return _read(json.loads(text, object_pairs_hook=_without_repeats))
    except json.JSONDecodeError as error:
        raise BadCatalogue(f"catalogue.json, line {error.lineno}: this is not valid JSON ({error.msg}).") from error
    except _Slip as slip:
        raise BadCatalogue(f"catalogue.json, line {_line(text, slip.trail)}: {slip}.") from slip


class _Slip(ValueError):
    """A mistake in the data. `trail` are members as they follow one another in the file; the last is the wrong one."""

    def __init__(self, sentence: str, *trail: tuple[str, object]) -> None:
        super().__init__(sentence)
        self.trail = trail


def _line(text: str, trail: Iterable[tuple[str, object]]) -> int:
    """The line (from 1) where a trail ends: json tells no places, so its members are looked up in turn."""
    place = 0
    for key, value in trail:
        member = rf"{re.escape(json.dumps(key))}\s*:\s*{re.escape(json.dumps(value, ensure_ascii=False))}"
        if match := re.compile(member).search(text, place):
            place = match.end()
    return text.count("\n", 0, place) + 1


def _without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        name = next(name for name in names if names.count(name) > 1)
        raise _Slip(f'"{name}" is there twice in one object', *pairs)
    return found


def _read(catalogue: object) -> Catalogue:
    lists = ("packs", "searches")
    if not isinstance(catalogue, dict) or not all(isinstance(catalogue.get(key), list) for key in lists):
        raise _Slip('the file must be an object with a list named "packs" and one named "searches"')
    for key in sorted(catalogue.keys() - {"source", "searches", "packs"}):
        raise _Slip(f'"{key}" is not known here', (key, catalogue[key]))
    _text(catalogue, "source", "the file")
    return Catalogue(_packs(catalogue["packs"]), _searches(catalogue["searches"]))


def _searches(items: list[object]) -> tuple[Template, ...]:
    found: dict[str, Template] = {}
    for item in items:
        if not isinstance(item, dict):
            raise _Slip(f"a search must be an object with a name and a template, not {item!r}")
        places: list[tuple[str, object]] = [(key, item[key]) for key in ("name", "template") if key in item]
        here = places[0] if places else ("searches", items)
        for key in sorted(item.keys() - {"name", "template"}):
            raise _Slip(f'a search has "{key}", which is not known here', here)
        name, address = (_text(item, key, "a search", here) for key in ("name", "template"))
        if name in found:
            raise _Slip(f'there are two searches with the name "{name}"', here, here)
        try:
            found[name] = template(name, address)
        except BadURL as error:
            raise _Slip(f'the search "{name}": {str(error).rstrip(".")}', here) from error
    return tuple(found.values())


def _packs(items: list[object]) -> tuple[Pack, ...]:
    found: dict[str, Pack] = {}
    for item in items:
        pack = _pack(item)
        if pack.id in found:
            raise _Slip(f'there are two packs with the id "{pack.id}"', ("id", pack.id), ("id", pack.id))
        found[pack.id] = pack
    return tuple(found.values())


def _pack(item: object) -> Pack:
    if not isinstance(item, dict):
        raise _Slip(f"a pack must be an object, not {item!r}")
    here = ("id", item.get("id"))
    name = f'the pack "{item.get("id") or item.get("title")}"'
    for key in sorted(item.keys() - {"id", "title", "kind", "language", "feeds"}):
        raise _Slip(f'{name} has "{key}", which is not known here', here)
    id_, title, kind, language = (_text(item, key, name, here) for key in ("id", "title", "kind", "language"))
    if kind not in KINDS:
        raise _Slip(f'{name} must be of the kind "topic" or "country", not "{kind}"', here)
    if not isinstance(item.get("feeds"), list) or not item["feeds"]:
        raise _Slip(f'{name} needs a list named "feeds" with at least one feed', here)
    feeds: dict[str, PackFeed] = {}
    for entry in item["feeds"]:
        feed = _feed(entry, name, here, language=language, topic=title)
        if feed.url in feeds:
            raise _Slip(f"{name} holds {feed.url} twice", here, ("url", feed.url), ("url", feed.url))
        feeds[feed.url] = feed
    return Pack(id_, title, KINDS[kind], language, tuple(feeds.values()))


def _feed(item: object, pack: str, within: tuple[str, object], *, language: str, topic: str) -> PackFeed:
    if not isinstance(item, dict):
        raise _Slip(f"a feed of {pack} must be an object with a title and a url, not {item!r}", within)
    name, here = f"a feed of {pack}", next(((key, item[key]) for key in ("url", "title") if key in item), within)
    for key in sorted(item.keys() - {"url", "title", "language"}):
        raise _Slip(f'{name} has "{key}", which is not known here', within, here)
    url, title = (_text(item, key, name, within, here) for key in ("url", "title"))
    # An address here is fetched on a click, so a slip of the keyboard should be told now and not as a failing feed.
    if not re.fullmatch(r"https?://[a-z0-9.-]+\.[a-z]{2,}([/?]\S*)?", url):
        raise _Slip(f"{name} has no http or https address: {url}", within, here)
    return PackFeed(url, title, _text({"language": language, **item}, "language", name, within, here), topic)


def _text(item: dict[str, object], key: str, owner: str, *trail: tuple[str, object]) -> str:
    value = item.get(key)
    if not isinstance(value, str) or not value or value != value.strip():
        raise _Slip(f'{owner} needs "{key}" as text without spaces around it', *trail)
    return value
