"""Hostile text -> plain text, and URLs -> something that can be compared. Pure, standard library only.

Four functions, each of linear time whatever it is given: `visible` (only characters that a reader can see), `plain`
(HTML to paragraphs), `line` (HTML to one line) and `canonical_url`. Feeds put HTML into titles, escape it twice, leave
it open or mean `<` literally; the rule here is that markup goes and what a person wrote stays, so `AT&T`, `x < y`
and `List<String>` keep their letters.
"""

from __future__ import annotations

import re
import unicodedata
from html import unescape
from html.entities import html5
from urllib.parse import unquote, unquote_to_bytes, urlsplit

# ---------------------------------------------------------------- characters

# Controls (C0 but tab and newline, C1), soft hyphen, bidi controls and marks, zero-width and filler characters,
# interlinear and tag characters, variation selectors other than text/emoji style, noncharacters, lone surrogates.
_UNSEEN = (
    "\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb\ufdd0-\ufdef\ufffe\uffff\ud800-\udfff"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
# Zero-width joiners spell words in Arabic and Indic scripts and compose emoji; anywhere else they hide something.
_JOINED = "\u0600-\u08ff\u0900-\u0dff\u0f00-\u109f\u1780-\u18af\ufe0e\ufe0f\u2190-\u2bff\U0001f000-\U0001faff"
_ODD = re.compile(rf"[{_UNSEEN}]|(?<![{_JOINED}])[\u200c\u200d]|[\u200c\u200d](?![{_JOINED}])|[\U0001fffe\U0001ffff]")
# One quick look that clears nearly every text: all of the above, line ends, and accents that stack.
_SUSPECT = re.compile(rf"[{_UNSEEN}\x85\u200c\u200d\u2028\u2029\u0300-\u036f\U0001fffe\U0001ffff]")
_BREAKS = re.compile(r"\r\n?|[\x85\u2028\u2029]")
_ASCII_ODD = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
# Stacked accents are a prank on the page, and long runs of them make Unicode normalisation quadratic.
_STACKED = re.compile(r"[^\w\s!-~]{9,}")
_ACCENTS = 8
_LONG = 1000


def _unstack(match: re.Match[str]) -> str:
    kept, run = [], 0
    for char in match.group():
        run = run + 1 if unicodedata.combining(char) else 0
        if run <= _ACCENTS:
            kept.append(char)
    return "".join(kept)


def visible(s: str) -> str:
    """`s` in NFC without characters that show nothing or reorder others.

    Removed are controls (tab and newline stay, other line ends become newlines), NUL, bidi, zero-width, tag and
    noncharacters, and lone surrogates. Joiners stay where a script or an emoji needs them.
    """
    if s.isascii():
        return _ASCII_ODD.sub("", _BREAKS.sub("\n", s)) if _ASCII_ODD.search(s) else s
    suspect = _SUSPECT.search(s) is not None
    if suspect:
        s = _ODD.sub("", _BREAKS.sub("\n", s))
    if suspect or len(s) > _LONG:
        s = _STACKED.sub(_unstack, s)
    return unicodedata.normalize("NFC", s)


# ---------------------------------------------------------------- markup

_INLINE = frozenset(
    "a abbr acronym area audio b base basefont bdi bdo big blink button canvas cite code col colgroup data datalist "
    "del dfn em embed font frame i img input ins kbd keygen label link map mark marquee meta meter nobr object "
    "optgroup option output param picture progress q rb rp rt rtc ruby s samp search slot small source span strike "
    "strong sub sup time track tt u var video wbr".split()
)
_PARAGRAPHS = (
    "address article aside blockquote body caption center details dialog dir div dl fieldset figcaption figure footer "
    "form frameset h1 h2 h3 h4 h5 h6 header hgroup hr html legend main menu nav noscript ol p pre section summary "
    "table tbody tfoot thead ul".split()
)
# What a tag leaves behind, by its name and for its closing form by "/" and its name. Inline elements leave nothing.
_BREAKS_OF = (
    dict.fromkeys(_PARAGRAPHS, "\n\n")
    | {f"/{name}": "\n\n" for name in _PARAGRAPHS}
    | dict.fromkeys(("li", "tr", "dt", "dd", "br", "/br"), "\n")
    | {"td": " ", "th": " "}
)
_HIDDEN = {
    name: re.compile(f"</{name}", re.IGNORECASE | re.ASCII)
    for name in "applet head iframe math noembed noframes script select style svg template textarea title xml".split()
}
_KNOWN = _INLINE | {name.lstrip("/") for name in _BREAKS_OF} | _HIDDEN.keys()

# A tag ends at the first > outside quotes, or lacks its > altogether. No part of the pattern may run over another <, so
# that each stretch of text is looked at once: this is what keeps hostile input linear.
_TAG = re.compile(
    r"""
    <(?: (?P<comment>!--)
      |  [!?][A-Za-z\[][^<>]*+>
      |  (?P<slash>/?) (?P<name>[A-Za-z][A-Za-z0-9:_.-]*+) (?: (?: [^<>"']++ | "[^"<]*+" | '[^'<]*+' )*+> | [^<>]*+> )
      |  (?P<open>/?(?i:a|br|div|em|font|iframe|img|p|span|strong))\b (?: \s[^<>=]*+=[^<>]*+ (?=<|\Z) | \s*+/?\Z )
    )""",
    re.VERBOSE | re.ASCII,
)
_CLOSER = re.compile(r"</([A-Za-z][A-Za-z0-9:_.-]*+)", re.ASCII)
_ALT = re.compile(r"""<img\b[^<>]*?\s(?:alt|title)\s*=\s*("[^"<>]*"|'[^'<>]*')""", re.IGNORECASE)
_CDATA = re.compile(r"<!\[CDATA\[|\]\]>")
# html.unescape() trusts int() with the digits, and int() refuses more than a few thousand of them.
_LONG_NUMBER = re.compile(r"&#(?:[xX]0*[0-9a-fA-F]{7,}|0*[0-9]{8,});?")
_ENTITY = re.compile(r"&(?:#[0-9]{2,7}|#[xX][0-9a-fA-F]{2,6}|([A-Za-z][A-Za-z0-9]{1,31}));")
_ESCAPED_PAIR = re.compile(
    r"<(p|div|a|b|i|em|strong|span|ul|ol|li|table|h[1-6]|font|blockquote|pre|code|sub|sup|u|s|script|style|iframe|figure"
    r"|cite|q)\b[^<>]*+>",
    re.IGNORECASE,
)
_BEGINS = re.compile(r"\s*<(p|div|ul|ol|figure|blockquote|table|h[1-6])(?:\s[^<>]*)?>", re.IGNORECASE)
_ESCAPED_VOID = re.compile(r"<br\s*+/?>|<img\s[^<>]*?\bsrc\s*=|<hr\s*+/?>|</?p>|<!--", re.IGNORECASE)
_GAP = re.compile(r"\n[^\S\n]*+\n\s*+")
_ROUNDS = 3  # times that text is decoded: as meant, escaped twice, and escaped three times by a chain of programs


def plain(html: str) -> str:
    """HTML or plain text as plain text: paragraphs separated by a blank line, single line breaks kept within one.

    Entities are decoded, scripts, styles and comments are gone, and text that was escaped twice is decoded twice. Text
    without block elements keeps its own blank lines. Never raises; linear in `len(html)`.
    """
    if "<" not in html and "&" not in html:
        return _paragraphs(visible(html))
    text, tags = _strip(html)
    text = _unescape(text)
    for _ in range(_ROUNDS - 1):
        escaped = _still_escaped(text, tags)
        if escaped == "":
            break
        if escaped == "markup":
            text, tags = _strip(text)
        text = _unescape(text)
    if not text.strip() and (alt := _ALT.search(html)):
        text = _unescape(alt.group(1)[1:-1])
    return _paragraphs(visible(text))


def line(html: str) -> str:
    """The same as `plain` on one line: for titles and names."""
    if "<" not in html and "&" not in html:
        return " ".join(visible(html).split())
    return " ".join(plain(html).split())


def _paragraphs(text: str) -> str:
    if "\n" not in text:
        return " ".join(text.split())
    kept = []
    for paragraph in _GAP.split(text):
        lines = [" ".join(each.split()) for each in paragraph.split("\n")]
        if words := "\n".join(each for each in lines if each):
            kept.append(words)
    return "\n\n".join(kept)


def _strip(html: str) -> tuple[str, bool]:
    """`html` without its tags, entities untouched, and whether any tag was found.

    Where there are blocks, newlines of the source are spaces; "\\n" then is a line break and "\\n\\n" a paragraph.
    """
    if "CDATA[" in html:
        html = _CDATA.sub("", html)
    pieces: list[str] = []  # text and what stands in for the tag behind it, in turns
    tags = blocks = False
    closers: set[str] | None = None
    at = 0
    while match := _TAG.search(html, at):
        start, end = match.span()
        comment, slash, name, unclosed = match.groups()
        if comment:
            # An open comment hides the rest in a browser, so it does here.
            close = html.find("-->", start + 2)
            pieces += (html[at:start], "")
            tags, at = True, close + 3 if close >= 0 else len(html)
            continue
        name = (name or unclosed or "!").lower()
        if name not in _KNOWN and name[0] not in "!/":
            if closers is None:
                closers = {each.lower() for each in _CLOSER.findall(html)}
            if name not in closers and ":" not in name and "-" not in name and "=" not in match.group():
                # Not HTML, never closed, no attributes: `List<String>`, `<John>`, an address in angle brackets.
                pieces += (html[at:end], "")
                at = end
                continue
        gap = _BREAKS_OF.get("/" + name if slash else name, "")
        pieces += (html[at:start], gap)
        tags, blocks, at = True, blocks or len(gap) == 2, end
        if name in _HIDDEN and not slash and html[end - 2] != "/":
            closer = _HIDDEN[name].search(html, end)
            at = closer.start() if closer else len(html)
    if not pieces:
        return html, False
    pieces.append(html[at:])
    if blocks:
        pieces[::2] = [re.sub(r"[\r\n]", " ", each) if "\n" in each or "\r" in each else each for each in pieces[::2]]
    return "".join(pieces), tags


def _unescape(text: str) -> str:
    if "&" not in text:
        return text
    if "&#" in text:
        text = _LONG_NUMBER.sub("", text)
    return unescape(text)


def _still_escaped(text: str, tags: bool) -> str:
    """What decoding left behind: "markup", "entities" or "".

    Text that had tags of its own means a decoded `<b>` literally (it writes about HTML), unless it begins with a block:
    then an escaped text was put into a tag. Text that had none was escaped twice if it now holds elements that open and
    close, or breaks and pictures.
    """
    if tags and _BEGINS.match(text):
        return "markup"
    if not tags and "<" in text:
        if _ESCAPED_VOID.search(text):
            return "markup"
        closers = {each.lower() for each in _CLOSER.findall(text)}
        if closers and any(match.group(1).lower() in closers for match in _ESCAPED_PAIR.finditer(text)):
            return "markup"
    if "&" in text and any(m.group(1) is None or f"{m.group(1)};" in html5 for m in _ENTITY.finditer(text)):
        return "entities"
    return ""


# ---------------------------------------------------------------- addresses

_TRACKING = frozenset(
    "fbclid gclid gclsrc dclid gbraid wbraid msclkid yclid ysclid twclid ttclid li_fat_id igshid igsh mibextid epik "
    "mc_cid mc_eid mkt_tok _hsenc _hsmi __hssc __hstc __hsfp hsctatracking vero_id vero_conv oly_enc_id oly_anon_id "
    "wickedid rb_clickid s_cid ns_mchannel ns_source ns_campaign ns_linkname ns_fee cmpid cmp ncid ocid smid smtyp emc "
    "xtor wt_mc wt_zmc wt.mc_id wt.z_smid intcid icid ito ftag taid sr_share spm ref_src ref_url traffic_source maca "
    "__twitter_impression sharetype echobox fb_action_ids fb_action_types fb_ref fb_source guccounter guce_referrer "
    "guce_referrer_sig _ga _gl trk trkcampaign tpcc dm_i amp usqp hootpostid".split()
)
_TRACKING_PREFIX = ("utm_", "at_", "pk_", "piwik_", "matomo_", "mtm_", "hsa_", "stm_", "itm_", "ga_", "amp_")
# Parameters that some sites need, but that say only how the reader came when they hold one of these values.
_SOURCE_NAMES = frozenset(
    "ref referer referrer source src from via feed partner medium cid mod rss output outputtype mode s".split()
)
_SOURCE_VALUES = frozenset(
    "rss rss2 atom feed feeds rssfeed rss_feed rss-feed feedburner amp twitter facebook newsletter rss.xml".split()
)
_AMP_HOST = re.compile(r"(?:^|\.)cdn\.ampproject\.org$|^(?:[a-z0-9-]+\.)?google\.[a-z.]{2,6}$")
_AMP_PATH = re.compile(r"^/(?:amp|[cvi])/(s/)?([a-z0-9.-]+\.[a-z]{2,}(?::\d+)?)(/.*)?$", re.IGNORECASE)
_HOST_PREFIX = re.compile(r"^(?:www\d?|amp|m|mobile)\.(?=[^.]+\.[^.]+)")
_PERCENT = re.compile(r"%[0-9a-fA-F]{2}|[^!#-;=?-\[\]_a-z~%]|%", re.IGNORECASE)
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_SESSION = re.compile(r";(?:jsessionid|phpsessid|sid)=[^/;?]*", re.IGNORECASE)
_MAX_URL = 2048
_NO_WORD = re.compile(r"[\W_]+")


def canonical_url(url: str) -> str:
    """`url` in the form that equal articles share, or "" if it is not http(s). For comparing, never for fetching.

    Gone are tracking parameters, the fragment, AMP forms, default ports, `www.` and `m.`, a trailing slash, and the
    difference between http and https. The order of the remaining parameters stays: on some sites it matters.
    """
    url = visible(url.strip())
    if len(url) > _MAX_URL * 4:
        return ""
    for _ in range(3):  # an AMP cache may hold the address of another one
        try:
            parts = urlsplit(url)
            host, port = _ascii_host(parts.hostname or ""), parts.port
        except ValueError:
            return ""
        if parts.scheme.lower() not in ("http", "https") or not host:
            return ""
        inner = _AMP_PATH.match(parts.path) if _AMP_HOST.search(host) else None
        if not inner:
            break
        url = f"http{'s' if inner[1] else ''}://{inner[2]}{inner[3] or '/'}{'?' + parts.query if parts.query else ''}"
    host = f"[{host}]" if ":" in host else _HOST_PREFIX.sub("", _HOST_PREFIX.sub("", host))
    if port and port not in (80, 443):
        host = f"{host}:{port}"
    path = _percent(_amp_path(_SESSION.sub("", parts.path))).rstrip("/")
    query = _percent(_query(parts.query))
    return f"https://{host}{path or '/'}{'?' + query if query else ''}"


def address_words(url: str) -> str:
    """The words in the path of `url`, where outlets often keep the headline an article began with."""
    try:
        path = unquote(urlsplit(url[:_MAX_URL]).path)
    except ValueError:
        return ""
    return " ".join(word for word in _NO_WORD.split(path) if word and not any(map(str.isdigit, word)))


def _ascii_host(host: str) -> str:
    """`host` in ASCII and without the dot at its end. Raises UnicodeError, a ValueError, where that cannot be."""
    return (host if host.isascii() else host.encode("idna").decode("ascii").lower()).strip(".")


def _amp_path(path: str) -> str:
    segments = [each for each in path.split("/") if each != "amp"]
    while segments and not segments[-1]:
        segments.pop()
    if not segments:
        return path  # nothing but "amp": then it is a page of that name
    final = segments[-1]
    if final.lower().endswith((".amp.html", ".amp.htm")):
        stem, _, suffix = final.rpartition(".")
        segments[-1] = f"{stem[:-4]}.{suffix}"
    elif final.lower().endswith(".amp"):
        segments[-1] = final[:-4]
    return "/".join(segments)


def _query(query: str) -> str:
    kept = []
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        low, said = name.lower(), value.lower()
        if not pair or low in _TRACKING or low.startswith(_TRACKING_PREFIX):
            continue
        if low in _SOURCE_NAMES and (said in _SOURCE_VALUES or said.startswith(("rss_", "rss-"))):
            continue
        if low == "rss" and said == "1":
            continue
        kept.append(pair)
    return "&".join(kept)


def _percent(text: str) -> str:
    """Percent-encoding as RFC 3986 normalises it: unreserved characters bare, the others encoded, hex in capitals."""

    def replace(match: re.Match[str]) -> str:
        found = match.group()
        if len(found) == 3 and found[0] == "%":
            byte = unquote_to_bytes(found)[0]
            return chr(byte) if byte in _UNRESERVED else found.upper()
        return "".join(f"%{byte:02X}" for byte in found.encode("utf-8", "replace"))

    return _PERCENT.sub(replace, text)
