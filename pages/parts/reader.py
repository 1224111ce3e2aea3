"""Who opened this page. It is found out here, and nowhere else.

`personal`: whoever opens the page owns it. `public`: anybody reads and asks; a browser is known by a secret that
Streamlit gives each (the cookie by which it tells forged requests), and the owner may sign in. `login`: only those read
who signed in, and everybody has feeds of their own.
"""

from __future__ import annotations

import secrets
from typing import Literal, get_args

import streamlit as st

from desk.readers import Reader, reader_id

Access = Literal["personal", "public", "login"]
_COOKIE = "_streamlit_xsrf"
_TOKEN_BYTES = 16
NOBODY = Reader(reader_id("nobody"), owner=False, visitor=True)
"""For pages that are open to those who did not sign in."""


class BadSetting(Exception):
    """A setting cannot be understood. The message is a sentence for the owner."""


def access(setting: str) -> Access:
    """What ACCESS says, "personal" if nothing. Raises `BadSetting`: a misspelt word must not open all to all."""
    for known in get_args(Access):
        if setting.strip().lower() == known or (known == "personal" and not setting.strip()):
            return known  # type: ignore[no-any-return]
    raise BadSetting(f"ACCESS is “{setting}”; it can be personal, public or login.")


def signed_in() -> bool:
    """Whether somebody signed in in this browser."""
    return bool(st.user.get("is_logged_in"))


def who(mode: Access, *, owners: str = "", members: str = "") -> Reader | None:
    """The reader of this session; None for one who must sign in first, or who did and may not read here.

    `owners` and `members` are settings: e-mail addresses, or subjects as the provider gives them, with commas between;
    of members also whole domains, "@example.org". Without `members` the provider decides.
    """
    if mode == "personal":
        return Reader()
    if signed_in():
        owner = _named(owners)
        if owner or (mode == "login" and (not members.strip() or _named(members))):
            return _member(owner=owner, own_feeds=mode == "login")
        if mode == "login":
            return None
    elif mode == "login":
        return None
    return Reader(reader_id("visitor", browser()), owner=False, visitor=True)


def browser() -> str:
    """What this browser is known by: a secret of 128 bits, the same in all its tabs and after a reload.

    A browser that keeps no cookies gets one that lasts as long as the session.
    """
    token = _token(st.context.cookies.get(_COOKIE, ""))
    if token is None:
        kept: str = st.session_state.setdefault("browser", secrets.token_hex(_TOKEN_BYTES))
        return kept
    return token.hex()


def _token(cookie: str) -> bytes | None:
    """The token in Streamlit's cookie, which is written anew, under another mask, with each visit."""
    version, _, rest = cookie.strip("\"'").partition("|")
    mask, _, rest = rest.partition("|")
    masked = rest.partition("|")[0]
    try:
        key, hidden = bytes.fromhex(mask), bytes.fromhex(masked)
    except ValueError:
        return None
    if version != "2" or len(key) != 4 or len(hidden) != _TOKEN_BYTES:
        return None
    return bytes(byte ^ key[place % 4] for place, byte in enumerate(hidden))


def _member(*, owner: bool, own_feeds: bool) -> Reader:
    name = str(st.user.get("name") or st.user.get("email") or st.user.get("sub"))
    subject = (str(st.user.get("iss") or ""), str(st.user.get("sub") or ""))
    return Reader(reader_id("member", *subject), name, owner=owner, own_feeds=own_feeds)


def _named(setting: str) -> bool:
    """Whether the one who signed in is named there. An address counts only where the provider says that it is theirs:

    some let anybody claim any address.
    """
    listed = {name.strip().lower() for name in setting.split(",")} - {""}
    subject = str(st.user.get("sub") or "").lower()
    if subject and subject in listed:
        return True
    email = str(st.user.get("email") or "").lower()
    if st.user.get("email_verified") is not True or "@" not in email:
        return False
    return email in listed or f"@{email.rpartition('@')[2]}" in listed
