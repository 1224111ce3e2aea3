"""Whose page it is: personal, public and login, as each kind of reader sees the pages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import pages
from desk.readers import Reader, reader_id
from pages.parts import reader
from pages.parts.reader import BadSetting, access
from tests.groq_server import GroqServer
from tests.pages.conftest import ROOT, App

ISSUER = "https://id.example"
ANNA = {"is_logged_in": True, "iss": ISSUER, "sub": "anna", "name": "Anna", "email": "anna@post.example"}
BERT = {"is_logged_in": True, "iss": ISSUER, "sub": "bert", "name": "Bert", "email": "bert@evil.example"}
OWNER = {"is_logged_in": True, "iss": ISSUER, "sub": "olga", "email": "Olga@post.example", "email_verified": True}


@pytest.fixture
def mode(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def mode(access: str, **settings: str) -> None:
        for name, value in {"ACCESS": access, **settings}.items():
            monkeypatch.setenv(name, value)

    return mode


@pytest.fixture
def browsers(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Say which browser is looking: AppTest has no cookies."""

    def look(browser: str) -> None:
        monkeypatch.setattr(reader, "browser", lambda: browser)

    look("one")
    return look


@pytest.fixture
def said(shown: Callable[[AppTest], str]) -> Callable[[AppTest], str]:
    """All that a page says, as it is read."""
    return lambda at: shown(at).replace("\\", "")


def visit(page: str = "", user: dict[str, object] | None = None, **query: str) -> AppTest:
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30)
    if user:
        at.user = user
    if page:
        at.run()
        at.switch_page(f"pages/{page}.py")
    for name, value in query.items():
        at.query_params[name] = value
    at.run()
    assert not at.exception
    return at


def labels(at: AppTest) -> list[str]:
    return [button.label for button in at.button]


def visitor(browser: str) -> Reader:
    return Reader(reader_id("visitor", browser), owner=False, visitor=True)


def member(user: dict[str, object]) -> str:
    return reader_id("member", str(user["iss"]), str(user["sub"]))


def ask(at: AppTest, question: str) -> str:
    """Ask, and give the id of the chat."""
    at.chat_input[0].set_value(question).run()
    assert not at.exception
    chat = at.query_params["c"]
    return chat[0] if isinstance(chat, list) else chat


# ---------------------------------------------------------------- which mode it is


@pytest.mark.parametrize(("said", "meant"), [("", "personal"), (" Public ", "public"), ("login", "login")])
def test_access_is_read_as_it_is_meant(said: str, meant: str) -> None:
    assert access(said) == meant


def test_a_misspelt_access_opens_nothing(app: App, mode: Callable[..., None], said: Callable[[AppTest], str]) -> None:
    with pytest.raises(BadSetting, match="can be personal, public or login"):
        access("privat")
    mode("privat")
    for page in ("", "settings", "owner", "sources", "front_page", "briefing", "shared"):
        at = visit(page)
        assert "ACCESS is “privat”" in said(at)
        assert not at.chat_input
        assert labels(at) == []


def test_a_limit_that_cannot_be_read_is_told(
    app: App, mode: Callable[..., None], browsers: Callable[[str], None], said: Callable[[AppTest], str]
) -> None:
    mode("public", READER_LIMITS="some")
    pages.services.clear()
    assert "“some” is no limit" in said(visit())


def test_a_personal_instance_asks_nobody_who_they_are(app: App, said: Callable[[AppTest], str]) -> None:
    app.publish(app.feed("Post"), "Rain in Oslo")
    at = visit("settings")
    assert "Delete everything" in labels(at)
    assert "signed in" not in said(at)
    assert "visitor" not in said(at)
    assert "There is nothing here" in said(visit("owner"))
    assert app.part.reader == Reader()


# ---------------------------------------------------------------- public


@pytest.fixture
def public(app: App, mode: Callable[..., None], browsers: Callable[[str], None]) -> App:
    mode("public")
    app.publish(app.feed("Post"), "Rain floods the harbour of Oslo", text="Rain flooded the harbour of Oslo on Monday.")
    return app


def test_a_visitor_asks_and_finds_the_chat_again_in_the_same_browser_alone(
    public: App, browsers: Callable[[str], None], said: Callable[[AppTest], str]
) -> None:
    question = "What happened in the harbour of Oslo?"
    chat = ask(visit(), question)
    again = visit(c=chat)
    assert question in said(again)
    assert public.part.conversations.get(chat) is None  # nor is it the owner's of a personal instance
    browsers("two")
    other = visit(c=chat)
    assert question not in said(other)
    assert "not one of yours" in said(other)
    assert not any(button.key and str(button.key).startswith("chat-") for button in other.button)
    theirs = ask(other, "And what in Bergen?")
    assert theirs != chat
    browsers("one")
    assert "Bergen" not in said(visit(c=chat))
    assert len(public.part.of(visitor("one")).conversations.turns(chat)) == 1


def test_what_another_shared_is_read_and_cannot_be_asked_in(
    public: App, browsers: Callable[[str], None], said: Callable[[AppTest], str]
) -> None:
    chat = ask(visit(), "What happened in the harbour of Oslo?")
    link = public.part.of(visitor("one")).conversations.share(chat)
    browsers("two")
    at = visit("shared", s=link)
    assert "What happened in the harbour" in said(at)
    assert not at.chat_input
    assert "There is nothing here" in said(visit("shared", s=chat))


def test_a_visitor_cannot_change_feeds_or_what_others_see(public: App, said: Callable[[AppTest], str]) -> None:
    feed = public.store.feeds()[0]
    at = visit("sources")
    assert "The owner of this paper chooses its feeds" in said(at)
    menus = at.get("menu_button")
    assert [list(one.proto.options) for one in menus] == [["Mute"]]
    assert not {"Refresh all", "Add and fetch", "Find feeds"} & set(labels(at))
    assert feed.url not in said(at)
    assert not at.get("download_button")
    settings = visit("settings")
    assert not {"Delete everything", "Remove them"} & set(labels(settings))
    assert "Delete all of it" in labels(settings)
    assert "There is nothing here" in said(visit("owner"))


def test_a_visitor_mutes_for_themselves_alone(
    public: App, browsers: Callable[[str], None], said: Callable[[AppTest], str]
) -> None:
    at = visit("settings")
    at.text_input(key="mute_word").set_value("harbour")
    next(button for button in at.button if button.label == "Mute").click().run()
    assert [mute.value for mute in public.part.of(visitor("one")).store.mutes()] == ["harbour"]
    assert public.store.mutes() == ()
    browsers("two")
    assert "harbour" not in labels(visit("settings"))


def test_a_visitor_names_no_model_server_though_the_app_listens_on_this_machine_alone(
    public: App, mode: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = st.get_option
    monkeypatch.setattr(st, "get_option", lambda name: "localhost" if name == "server.address" else told(name))
    assert "Server" not in [one.label for one in visit("settings").get("button_group")]
    mode("personal")
    assert "Server" in [one.label for one in visit("settings").get("button_group")]


def test_an_empty_public_paper_offers_no_feeds_to_add(
    app: App, mode: Callable[..., None], browsers: Callable[[str], None], said: Callable[[AppTest], str]
) -> None:
    mode("public")
    at = visit()
    assert "There is no news here yet" in said(at)
    assert "Find feeds" not in labels(at)
    assert not at.chat_input


def test_a_visitor_has_all_deleted_that_is_kept_of_them(public: App, browsers: Callable[[str], None]) -> None:
    ask(visit(), "What happened in the harbour of Oslo?")
    browsers("two")
    ask(visit(), "What happened in the harbour of Oslo?")
    at = visit("settings")
    at.button(key="delete").click().run()
    at.button(key="delete_yes").click().run()
    assert public.part.of(visitor("two")).conversations.count() == 0
    assert public.part.of(visitor("one")).conversations.count() == 1
    assert public.store.feeds()


def test_a_question_over_the_budget_is_told_a_time_and_can_be_answered_by_quoting(
    public: App, mode: Callable[..., None], said: Callable[[AppTest], str]
) -> None:
    mode(
        "public", GROQ_API_KEY="gsk_sharedSHAREDshared", READER_LIMITS="0 a minute", GROQ_BASE_URL="http://127.0.0.1:9"
    )
    public.part.quotas = pages.Quotas(reader=pages.quota("0 a minute"))
    at = visit()
    ask(at, "What happened in the harbour of Oslo?")
    at.run()
    assert "You have asked as much as one reader may in a minute. You can go on at" in said(at)
    next(button for button in at.button if button.label == "Quote the articles instead").click().run()
    at.run()
    assert "Rain flooded the harbour of Oslo on Monday" in said(at)
    assert "You have asked as much" not in said(at)


def test_a_question_is_charged_once_however_often_the_page_runs_and_not_with_a_key_of_one_s_own(
    public: App, mode: Callable[..., None], browsers: Callable[[str], None]
) -> None:
    with GroqServer() as server:
        mode("public", GROQ_API_KEY="gsk_sharedSHAREDshared", GROQ_BASE_URL=server.url)
        server.fails(503, retry_after=0).says("It was flooded [1].")
        at = visit()
        chat = ask(at, "What happened in the harbour of Oslo?")
        for _ in range(3):
            at.run()
        visit(c=chat)
        used = public.part.budgets.used(now=pages.now(), reader=visitor("one").id)
        assert (server.count, used.questions_a_day, used.tokens_a_day) == (2, 1, 421 - 128 + 58)

        browsers("two")
        at = visit("settings")
        at.text_input(key="groq_key").set_value("gsk_myOwnMYOWNmyown").run()
        at.switch_page("app.py").run()
        ask(at, "What happened in the harbour of Oslo?")
        assert server.count == 3
        assert server.last.headers["authorization"] == "Bearer gsk_myOwnMYOWNmyown"
        assert public.part.budgets.used(now=pages.now()).questions_a_day == 1


def test_the_owner_of_a_public_paper_signs_in_and_chooses_its_feeds(
    public: App, mode: Callable[..., None], said: Callable[[AppTest], str]
) -> None:
    mode("public", OWNERS="olga@post.example, someone")
    at = visit("sources", user=OWNER)
    assert "Refresh all" in labels(at)
    assert "Find feeds" in labels(at)
    assert "Nobody has signed in yet" not in said(visit("owner", user=OWNER))
    stranger = visit("sources", user=BERT)
    assert "The owner of this paper chooses its feeds" in said(stranger)


# ---------------------------------------------------------------- login


@pytest.fixture
def login(app: App, mode: Callable[..., None]) -> App:
    mode("login", OWNERS="olga@post.example")
    return app


@pytest.mark.parametrize("page", ["", "front_page", "briefing", "sources", "settings", "owner"])
def test_nobody_reads_who_did_not_sign_in(login: App, page: str, said: Callable[[AppTest], str]) -> None:
    login.publish(login.feed("Post"), "Rain in Oslo")
    at = visit(page)
    assert "Sign in to read" in said(at)
    assert "Rain in Oslo" not in said(at)
    assert not at.chat_input
    assert "Nobody can sign in yet" in said(at)


def test_a_shared_chat_is_read_without_signing_in(login: App, said: Callable[[AppTest], str]) -> None:
    desk = login.part.conversations.of(member(ANNA))
    chat = desk.new_id()
    desk.add_turn(chat, "What rained?", now=pages.now())
    assert "What rained?" in said(visit("shared", s=desk.share(chat)))


def test_members_are_who_the_owner_names_and_only_by_addresses_that_are_theirs(
    login: App, mode: Callable[..., None], said: Callable[[AppTest], str]
) -> None:
    mode("login", MEMBERS="@post.example, bert")
    assert "not among the readers" in said(visit(user=ANNA))  # anybody could have claimed that address
    for user in ({**ANNA, "email_verified": True}, BERT, OWNER):
        assert "not among the readers" not in said(visit(user=user))
    assert "not among the readers" in said(visit(user={**BERT, "sub": "carl"}))
    mode("login", MEMBERS="")
    assert "not among the readers" not in said(visit(user=ANNA))


def test_each_member_has_feeds_and_chats_of_their_own(login: App, said: Callable[[AppTest], str]) -> None:
    text = "Rain flooded the harbour of Oslo on Monday."
    login.publish(login.feed("Post"), "Rain floods the harbour", text=text)
    assert "Choose your news" in said(visit(user=ANNA))
    annas = login.part.store.of(member(ANNA), own_feeds=True)
    annas.add_feed("https://post.example/feed", now=pages.now())
    chat = ask(visit(user=ANNA), "What happened in the harbour of Oslo?")
    assert "1 source cited" in "".join(one.label for one in visit(user=ANNA, c=chat).expander)
    assert "What happened" not in said(visit(user=BERT, c=chat))
    annas_page, berts_page = visit("sources", user=ANNA), visit("sources", user=BERT)
    assert "Post" in said(annas_page)
    assert "Post" not in said(berts_page)
    assert [list(one.proto.options) for one in annas_page.get("menu_button")] == [["Mute", "Details", "Remove"]]
    assert "Refresh all" not in labels(annas_page)
    assert "You are signed in as Anna." in said(visit("settings", user=ANNA))


def test_front_page_briefing_and_stories_are_of_the_feeds_that_each_member_follows(
    login: App, said: Callable[[AppTest], str]
) -> None:
    for name, user, title in (("Post", ANNA, "Rain floods the harbour"), ("Times", BERT, "Queen opens the bridge")):
        login.publish(login.feed(name), title)
        login.part.store.of(member(user), own_feeds=True).add_feed(
            f"https://{name.lower()}.example/feed", now=pages.now()
        )
    login.group()
    theirs = login.part.store.of(member(BERT), own_feeds=True).entries()[0]
    for _ in range(2):  # the second time from what is kept ready
        for page in ("front_page", "briefing"):
            assert "Rain floods" in said(visit(page, user=ANNA))
            assert "Queen opens" not in said(visit(page, user=ANNA))
            assert "Queen opens" in said(visit(page, user=BERT))
            assert "Rain floods" not in said(visit(page, user=BERT))
    assert "Queen opens" in said(visit("story", user=BERT, id=str(theirs.id)))
    assert "Queen opens" not in said(visit("story", user=ANNA, id=str(theirs.id)))
    assert "Queen opens" not in said(visit(user=ANNA, pin=str(theirs.id)))
    seen = [login.part.reading.of(member(user)).marks().seen for user in (ANNA, BERT)]
    assert [len(marks) for marks in seen] == [0, 1]


def test_a_member_follows_no_more_feeds_than_there_is_room_for(
    login: App, monkeypatch: pytest.MonkeyPatch, said: Callable[[AppTest], str]
) -> None:
    monkeypatch.setattr("pages.parts.adding.MOST_FEEDS", 3)
    at = visit(user=ANNA)
    next(button for button in at.button if button.label.startswith("Add and fetch")).click().run()
    assert "A reader can follow 3 feeds here" in said(at)
    assert login.store.feeds() == []


def test_the_owner_sees_readers_and_feeds_and_has_one_deleted(login: App, said: Callable[[AppTest], str]) -> None:
    login.feed("Post")
    login.part.store.of(member(BERT), own_feeds=True).add_feed("https://post.example/feed", now=pages.now())
    visit(user=ANNA)
    ask_at = login.part.conversations.of(member(BERT))
    ask_at.add_turn(ask_at.new_id(), "Secret question?", now=pages.now() - timedelta(seconds=1))
    visit(user=BERT)
    assert "There is nothing here" in said(visit("owner", user=BERT))
    at = visit("owner", user=OWNER)
    told = said(at)
    assert "**Anna**" in told
    assert "**Bert** :small[:gray[seen just now · 1 question today · follows 1 feed]]" in told
    assert "1 reader" in told
    assert "Secret question" not in told
    at.button(key=f"remove-{member(BERT)}").click().run()
    at.button(key=f"sure-{member(BERT)}").click().run()
    assert "Bert" not in said(at)
    assert ask_at.count() == 0


def test_the_owner_sees_what_is_used_of_the_shared_key(login: App, mode: Callable[..., None]) -> None:
    mode("login", OWNERS="olga@post.example", GROQ_API_KEY="gsk_sharedSHAREDshared")
    at = visit("owner", user=OWNER)
    assert [(metric.label, metric.value, metric.delta) for metric in at.metric] == [
        ("Questions in a minute", "0", "of 30"),
        ("Questions in 24 hours", "0", "of 1,000"),
        ("Tokens in a minute", "0", "of 8,000"),
        ("Tokens in 24 hours", "0", "of 200,000"),
    ]


# ---------------------------------------------------------------- the cookie


def test_a_browser_is_known_by_its_token_under_any_mask() -> None:
    token = bytes(range(16))

    def cookie(mask: bytes) -> str:
        hidden = bytes(byte ^ mask[n % 4] for n, byte in enumerate(token))
        return f"2|{mask.hex()}|{hidden.hex()}|1764000000"

    assert reader._token(cookie(b"abcd")) == reader._token(f'"{cookie(b"wxyz")}"') == token


@pytest.mark.parametrize("cookie", ["", "2|61626364|00|1", "1|61626364|" + "00" * 16, "2|zz|00|1", "2||"])
def test_a_cookie_of_another_form_names_nobody(cookie: str) -> None:
    assert reader._token(cookie) is None
