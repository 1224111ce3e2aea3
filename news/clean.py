"""The bytes of any feed -> well-formed UTF-8 XML, or as near as can be had. Pure, standard library only.

Feeds are XML that people print by hand: with a PHP warning in front, a raw `&` inside, the end missing, in another
encoding than they say. And some are bombs. `tidy` cuts what a bomb needs (a document type, thousands of items or
attributes, endless nesting), checks the rest with a parser in C, and repairs it only if that check fails. Each step
is linear in the size of the feed.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html.entities import html5
from xml.parsers import expat

MAX_ITEMS = 1000
_MAX_ATTRIBUTES = 50
_MAX_DEPTH = 100
_MANY_TAGS = 20_000
_DECLARATION = b"<?xml version='1.0' encoding='utf-8'?>\n"

# ---------------------------------------------------------------- encodings

_BOMS = (
    (codecs.BOM_UTF32_BE, "utf-32-be"),  # before UTF-16: the little-endian mark of UTF-32 begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
)
_FIRST_SIGN = (
    (b"\x00\x00\x00<", "utf-32-be"),
    (b"<\x00\x00\x00", "utf-32-le"),
    (b"\x00<", "utf-16-be"),
    (b"<\x00", "utf-16-le"),
)
_IN_XML = re.compile(rb"""^[^<]{0,1000}<\?xml[^>]{1,200}?encoding\s*=\s*["']([A-Za-z0-9_.:-]{1,40})["']""")
_IN_HTTP = re.compile(r"""charset\s*=\s*["']?([A-Za-z0-9_.:-]{1,40})""", re.IGNORECASE)
_LANGUAGE = re.compile(rb"<(?:dc:)?language>\s*([A-Za-z]{2})|xml:lang=[\"']([A-Za-z]{2})", re.IGNORECASE)
_BY_LANGUAGE = {
    b"zh": ("gb18030", "big5"),
    b"ja": ("euc-jp", "cp932"),
    b"ko": ("cp949",),
    b"ru": ("cp1251", "koi8-r"),
    b"uk": ("cp1251",),
    b"bg": ("cp1251",),
    b"el": ("cp1253",),
    b"tr": ("cp1254",),
    b"he": ("cp1255",),
    b"ar": ("cp1256",),
    b"pl": ("cp1250",),
    b"cs": ("cp1250",),
    b"hu": ("cp1250",),
    b"th": ("cp874",),
}
# What pages call by the name of its smaller ancestor.
_WIDER = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "iso8859-1": "cp1252",
    "ascii": "cp1252",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "iso8859-9": "cp1254",
    "tis-620": "cp874",
}
_TEXT_ONLY = frozenset(("iso2022_jp", "iso2022_kr", "hz", "utf-7"))  # written in ASCII, so they would pass as UTF-8
_UNDECODED = re.compile("[\udc80-\udcff]")
_ABOVE_ASCII = re.compile("[^\x00-\x7f\udc80-\udcff]")


def _codec(name: str) -> str:
    """Python's name of a text encoding, widened; "" if it has none."""
    try:
        info = codecs.lookup(name)
    except (LookupError, ValueError):
        return ""
    # zlib, hex and their like are codecs of Python but no encodings of text.
    return _WIDER.get(info.name, info.name) if getattr(info, "_is_text_encoding", True) else ""


def to_utf8(body: bytes, content_type: str = "") -> bytes:
    """`body` in UTF-8 without a byte order mark, whatever it says that it is in.

    A mark decides. Otherwise text that is valid UTF-8 is UTF-8, as nothing else looks like it; then the XML declaration
    and the HTTP header are tried, then what is usual in the feed's language. Never raises.
    """
    for mark, encoding in _BOMS:
        if body.startswith(mark):
            return _recode(body[len(mark) :], encoding)
    for sign, encoding in _FIRST_SIGN:
        if body.startswith(sign):
            return _recode(body, encoding)
    declared = [match.group(1).decode("ascii")] if (match := _IN_XML.search(body[:2000])) else []
    if in_http := _IN_HTTP.search(content_type):
        declared.append(in_http.group(1))
    names = [codec for name in declared if (codec := _codec(name))]
    for name in names:
        if name in _TEXT_ONLY:
            try:
                return _recode(body, name, "strict")
            except UnicodeError:
                continue
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return _not_utf8(body, names)
    return body


def _recode(body: bytes, encoding: str, errors: str = "replace") -> bytes:
    return body.decode(encoding, errors).encode("utf-8", "replace")


def _not_utf8(body: bytes, names: list[str]) -> bytes:
    text = body.decode("utf-8", "surrogateescape")
    broken = len(_UNDECODED.findall(text))
    if "utf-8" in names and broken < len(_ABOVE_ASCII.findall(text)):
        # UTF-8 with a few letters of something else, as when an old database was not converted whole.
        return _UNDECODED.sub(lambda m: bytes([ord(m.group()) - 0xDC00]).decode("cp1252", "replace"), text).encode()
    language = _LANGUAGE.search(body[:20_000])
    usual = _BY_LANGUAGE.get((language.group(1) or language.group(2)).lower(), ()) if language else ()
    for name in (*names, *usual):
        if name != "utf-8" and not name.startswith(("utf-16", "utf-32", "utf_16", "utf_32")):
            try:
                return _recode(body, name, "strict")
            except UnicodeError:
                continue
    return _recode(body, "cp1252")


# ---------------------------------------------------------------- XML

ROOT = re.compile(rb"<(?:[A-Za-z_][\w.-]*:)?(?:rss|feed|rdf|channel)(?=[\s>/])", re.IGNORECASE)
_ITEM = re.compile(rb"<(?:[A-Za-z_][\w.-]*:)?(?:item|entry)(?=[\s>/])", re.IGNORECASE)
_ITEM_END = re.compile(rb"</(?:[A-Za-z_][\w.-]*:)?(?:item|entry)\s*>", re.IGNORECASE)
_ROOT_END = re.compile(rb"</(?:[A-Za-z_][\w.-]*:)?(?:rss|feed|rdf)\s*>", re.IGNORECASE)
_NAME = re.compile(rb"<([A-Za-z_][\w.:-]*)")
_LONG_TAG = re.compile(rb"<[A-Za-z_][^<>]{300,}+>")
# feedparser looks for a mail address in every author with an expression that is quadratic in its length.
_LONG_AUTHOR = re.compile(
    rb"(<(?:[A-Za-z]+:)?(?:author|creator|contributor|publisher|managingeditor|webmaster|name|email)\b[^<>]*>"
    rb"\s*(?:<!\[CDATA\[)?)[^<\]]{300,}+",
    re.IGNORECASE,
)
_CONTROLS = bytes(code for code in range(32) if code not in (9, 10, 13))
_NONCHARACTERS = re.compile(rb"\xef\xbf[\xbe\xbf]")


@dataclass(frozen=True, slots=True)
class Tidy:
    """`data` begins with an XML declaration and the root element; `cut` items beyond the first 1,000 were left out."""

    data: bytes
    cut: int


def tidy(data: bytes) -> Tidy | None:
    """UTF-8 bytes as XML that a feed parser can be trusted with, or None if there is no feed's root element in them."""
    root = ROOT.search(data)
    if root is None:
        return None
    # What stands before the root is a declaration, a document type with its entities, or a program's warnings.
    data = data[root.start() :].translate(None, _CONTROLS)
    if b"\xef\xbf" in data:
        data = _NONCHARACTERS.sub(b"", data)
    data, cut = _first_items(data)
    data = _LONG_TAG.sub(_without_attributes, data)
    data = _LONG_AUTHOR.sub(rb"\1", data)
    if data.count(b"<") > _MANY_TAGS:
        data = _without_depths(data)
    if not _well_formed(data):
        mended = _mended(data)
        data = mended if _well_formed(mended) else _ended(mended)
    return Tidy(_DECLARATION + data, cut)


def apart(data: bytes) -> Iterator[bytes]:
    """A tidied feed as documents of one item each, the first of none: for finding what a parser fails on."""
    starts = [match.start() for match in _ITEM.finditer(data)]
    root = ROOT.search(data)
    if not starts or root is None:
        return
    ends = [match.end() for match in _ITEM_END.finditer(data)]
    last = ends[-1] if ends and ends[-1] > starts[-1] else len(data)
    yield data[: starts[0]] + data[last:]
    head = data[: data.find(b">", root.end()) + 1]
    for start, stop in zip(starts, [*starts[1:], last], strict=True):
        yield head + data[start:stop] + b"</" + root.group()[1:] + b">"


def _first_items(data: bytes) -> tuple[bytes, int]:
    if data.count(b"<item") + data.count(b"<entry") + data.count(b":item") + data.count(b":entry") <= MAX_ITEMS:
        return data, 0
    starts = [match.start() for match in _ITEM.finditer(data)]
    if len(starts) <= MAX_ITEMS:
        return data, 0
    tail = max(data.rfind(b"</item>"), data.rfind(b"</entry>"))
    closing = data[data.index(b">", tail) + 1 :] if tail > starts[MAX_ITEMS] else b""
    return data[: starts[MAX_ITEMS]] + closing, len(starts) - MAX_ITEMS


def _without_attributes(match: re.Match[bytes]) -> bytes:
    tag = match.group()
    if tag.count(b'"') + tag.count(b"'") <= 2 * _MAX_ATTRIBUTES:
        return tag
    name = _NAME.match(tag)
    return (name.group() if name else b"<x") + (b"/>" if tag.endswith(b"/>") else b">")


def _well_formed(data: bytes) -> bool:
    try:
        # A separator makes it check namespaces too, as the parser behind us does.
        expat.ParserCreate("utf-8", " ").Parse(data, True)
    except expat.ExpatError:
        return False
    return True


def _without_depths(data: bytes) -> bytes:
    """`data` without what is nested deeper than any feed is; unchanged from where it is not well-formed."""
    depth, start, cuts = 0, -1, []
    parser = expat.ParserCreate("utf-8")

    def opened(_name: str, _attributes: object) -> None:
        nonlocal depth, start
        depth += 1
        if depth == _MAX_DEPTH + 1 and start < 0:
            start = parser.CurrentByteIndex

    def closed(_name: str) -> None:
        nonlocal depth, start
        if depth == _MAX_DEPTH and start >= 0:
            cuts.append((start, parser.CurrentByteIndex))
            start = -1
        depth -= 1

    parser.StartElementHandler = opened
    parser.EndElementHandler = closed
    try:
        parser.Parse(data, True)
    except expat.ExpatError:
        if start >= 0:
            cuts.append((start, max(start, parser.ErrorByteIndex)))
    kept, at = [], 0
    for begin, end in cuts:
        kept.append(data[at:begin])
        at = end
    return b"".join(kept) + data[at:] if cuts else data


# ---------------------------------------------------------------- repairs

_REFERENCE = re.compile(rb"&(?:#(?:[xX]([0-9a-fA-F]{1,8})|([0-9]{1,9}));|([A-Za-z][A-Za-z0-9]{1,31});)?")
_STRAY = re.compile(rb"<(?![A-Za-z_/?:\x80-\xff]|!--|!\[CDATA\[)")
_OPAQUE = re.compile(rb"<!\[CDATA\[|<!--")
_PREFIX = re.compile(rb"</?([A-Za-z_][\w.-]*):[A-Za-z_]|[\s\"']([A-Za-z_][\w.-]*):[A-Za-z_][\w.-]*\s*=\s*[\"']")
_DECLARED = re.compile(rb"xmlns:([A-Za-z_][\w.-]*)\s*=")
_XML_NAMES = frozenset((b"amp", b"lt", b"gt", b"quot", b"apos"))
_NAMESPACES = {
    b"atom": b"http://www.w3.org/2005/Atom",
    b"content": b"http://purl.org/rss/1.0/modules/content/",
    b"dc": b"http://purl.org/dc/elements/1.1/",
    b"dcterms": b"http://purl.org/dc/terms/",
    b"feedburner": b"http://rssnamespace.org/feedburner/ext/1.0",
    b"itunes": b"http://www.itunes.com/dtds/podcast-1.0.dtd",
    b"media": b"http://search.yahoo.com/mrss/",
    b"rdf": b"http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    b"slash": b"http://purl.org/rss/1.0/modules/slash/",
    b"sy": b"http://purl.org/rss/1.0/modules/syndication/",
    b"wfw": b"http://wellformedweb.org/CommentAPI/",
    b"xhtml": b"http://www.w3.org/1999/xhtml",
}


def _mended(data: bytes) -> bytes:
    """`data` with the common mistakes put right: references, stray signs, junk behind the end, unknown prefixes."""
    data = _mend_prefixes(b"".join(_mend_text(data)))
    ends = list(_ROOT_END.finditer(data))
    return data[: ends[-1].end()] if ends else data


def _mend_text(data: bytes) -> Iterator[bytes]:
    """Everything outside CDATA sections and comments, mended; comments are left out, sections stay as they are."""
    at = 0
    while opening := _OPAQUE.search(data, at):
        yield _mend_references(data[at : opening.start()])
        section = opening.group() != b"<!--"
        close = data.find(b"]]>" if section else b"-->", opening.end())
        end = close + 3 if close >= 0 else len(data)
        if section:
            yield data[opening.start() : end] + (b"" if close >= 0 else b"]]>")
        at = end
    yield _mend_references(data[at:])


def _mend_references(text: bytes) -> bytes:
    return _STRAY.sub(b"&lt;", _REFERENCE.sub(_mend_reference, text))


def _mend_reference(match: re.Match[bytes]) -> bytes:
    hexadecimal, decimal, name = match.groups()
    if hexadecimal or decimal:
        code = int(hexadecimal, 16) if hexadecimal else int(decimal)
        legal = code in (9, 10, 13) or 32 <= code < 0xD800 or 0xE000 <= code < 0xFFFE or 0x10000 <= code < 0x110000
        return match.group() if legal else b""
    if name is None:
        return b"&amp;"
    if name in _XML_NAMES:
        return match.group()
    char = html5.get(name.decode("ascii") + ";")
    if char is None:
        return b"&amp;" + match.group()[1:]
    return "".join(f"&#{ord(each)};" for each in char).encode("ascii")


def _mend_prefixes(data: bytes) -> bytes:
    used = {each for pair in _PREFIX.findall(data) for each in pair if each}
    missing = sorted(used - set(_DECLARED.findall(data)) - {b"xml", b"xmlns"})[:100]
    root = _NAME.match(data)
    if not missing or root is None:
        return data
    declarations = b"".join(
        b' xmlns:%b="%b"' % (prefix, _NAMESPACES.get(prefix, b"urn:undeclared:" + prefix)) for prefix in missing
    )
    return data[: root.end()] + declarations + data[root.end() :]


def _ended(data: bytes) -> bytes:
    """A feed that breaks off, ended after its last whole item; unchanged if that does not make it well-formed."""
    ends = [match.end() for match in _ITEM_END.finditer(data)]
    if not ends:
        return data
    root = _NAME.match(data)
    name = root.group(1) if root else b"rss"
    for closing in (b"</" + name + b">", b"</channel></" + name + b">"):
        ended = data[: ends[-1]] + closing
        if _well_formed(ended):
            return ended
    return data
