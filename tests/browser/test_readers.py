"""Readers in real browsers: strangers on a public paper, and members who sign in with a real provider."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select
from websockets.asyncio.client import connect as connect_socket

from desk.budgets import Budgets
from desk.readers import reader_id
from news.store import Schedule, Store, Validators
from news.types import ParsedEntry, ParsedFeed
from storage.engine import connect, reading
from storage.tables import charges
from tests.bench.readers import Reader
from tests.browser.app_server import AppServer
from tests.browser.test_ask import ask, idle
from tests.groq_server import GroqServer
from tests.oidc_server import OidcServer

QUESTION = "What happened in the harbour of Oslo?"
TOLD = "Rain flooded the harbour of Oslo on Monday."
FEED = "https://post.example/feed"
USERS = {
    "anna": {"name": "Anna Berg", "email": "anna@post.example", "email_verified": True},
    "bert": {"name": "Bert", "email": "olga@post.example"},  # claims the owner's address, which nobody checked
    "olga": {"name": "Olga", "email": "olga@post.example", "email_verified": True},
}


def publish(url: str, *followers: str) -> None:
    """Store one article, in a feed that these readers follow."""
    engine = connect(url)
    store, now = Store(engine), datetime.now(UTC)
    feed, _ = store.add_feed(FEED, title="The Post", now=now - timedelta(days=1))
    for reader in followers:
        store.of(reader, own_feeds=True).add_feed(FEED, now=now)
    entry = ParsedEntry("1", "https://post.example/1", "Rain floods the harbour", TOLD, published_at=now)
    store.save_success(
        feed.id, now=now, schedule=Schedule(now + timedelta(days=1)), validators=Validators(),
        parsed=ParsedFeed("The Post", "", "en", "rss20", (entry,)),
    )  # fmt: skip
    engine.dispose()


@pytest.fixture(scope="module")
def provider() -> Iterator[OidcServer]:
    with OidcServer(USERS) as server:
        yield server


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory, provider: OidcServer) -> Iterator[AppServer]:
    """The app for members alone."""
    folder = tmp_path_factory.mktemp("members")
    secrets = folder / "secrets.toml"
    server = AppServer(folder, ACCESS="login", OWNERS="olga@post.example", STREAMLIT_SECRETS_FILES=str(secrets))
    secrets.write_text(provider.secrets(f"{server.url}/oauth2callback"))
    publish(server.database_url, reader_id("member", provider.issuer, "anna"))
    with server:
        yield server


def sign_in(page: Page, user: str) -> None:
    expect(page.get_by_text("Sign in to read")).to_be_visible()
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name=f"I am {user}").click()
    expect(page.get_by_text("Sign in to read")).to_be_hidden()


def test_members_sign_in_with_a_provider_and_see_what_is_theirs_alone(
    paper: AppServer, provider: OidcServer, open_page: Callable[..., Page]
) -> None:
    anna = open_page(paper.url)
    sign_in(anna, "anna")
    ask(anna, QUESTION)
    expect(anna.get_by_text(TOLD).first).to_be_visible()
    idle(anna)
    anna.reload()
    expect(anna.get_by_text(TOLD).first).to_be_visible()
    annas_chat = anna.url
    assert "?c=" in annas_chat

    bert = open_page(annas_chat)
    sign_in(bert, "bert")
    bert.goto(annas_chat)
    expect(bert.get_by_text("not one of yours").or_(bert.get_by_text("Choose your news")).first).to_be_visible()
    expect(bert.get_by_text(QUESTION)).to_have_count(0)
    expect(bert.get_by_text(TOLD)).to_have_count(0)
    bert.goto(f"{paper.url}/sources")
    expect(bert.get_by_role("button", name="Find feeds")).to_be_visible()
    expect(bert.get_by_text("The Post")).to_have_count(0)
    bert.goto(f"{paper.url}/owner")
    expect(bert.get_by_text("There is nothing here")).to_be_visible()
    assert provider.refused == []
    assert provider.tokens == 2


def test_the_owner_sees_who_reads_and_signing_out_ends_it(paper: AppServer, open_page: Callable[..., Page]) -> None:
    olga = open_page(paper.url)
    sign_in(olga, "olga")
    olga.get_by_role("link", name="Owner").click()
    expect(olga.get_by_text("Readers", exact=True)).to_be_visible()
    expect(olga.get_by_text("The Post").first).to_be_visible()
    olga.get_by_role("link", name="Settings").click()
    expect(olga.get_by_text("You are signed in as Olga.")).to_be_visible()
    with olga.expect_response(re.compile("/auth/logout")):  # who goes elsewhere before it is still signed in
        olga.get_by_role("button", name="Sign out").click()
    expect(olga.get_by_text("Sign in to read")).to_be_visible()
    olga.goto(f"{paper.url}/owner")
    expect(olga.get_by_text("Sign in to read")).to_be_visible()


def test_a_forged_cookie_signs_nobody_in(paper: AppServer, open_page: Callable[..., Page]) -> None:
    page = open_page(paper.url)
    page.context.add_cookies([{"name": "_streamlit_user", "value": '{"sub":"olga"}', "url": paper.url}])
    page.reload()
    expect(page.get_by_text("Sign in to read")).to_be_visible()


def test_strangers_on_a_public_paper_find_their_own_chats_after_a_reload_and_nobody_s_else(
    tmp_path: Path, open_page: Callable[..., Page]
) -> None:
    server = AppServer(tmp_path, ACCESS="public")
    publish(server.database_url)
    with server:
        one = open_page(server.url)
        ask(one, QUESTION)
        expect(one.get_by_text(TOLD).first).to_be_visible()
        idle(one)
        chat = one.url
        one.reload()
        expect(one.get_by_text(TOLD).first).to_be_visible()
        one.goto(server.url)  # without the id: the list in the sidebar is this browser's
        expect(one.get_by_role("button", name=QUESTION)).to_be_visible()

        other = open_page(chat)
        expect(other.get_by_text("not one of yours")).to_be_visible()
        expect(other.get_by_text(TOLD)).to_have_count(0)
        expect(other.get_by_role("button", name=QUESTION)).to_have_count(0)
        other.goto(f"{server.url}/sources")
        expect(other.get_by_text("The owner of this paper chooses its feeds")).to_be_visible()


def test_the_address_that_is_charged_is_the_one_a_proxy_on_this_machine_vouches_for(tmp_path: Path) -> None:
    async def visit(address: str) -> None:
        url = f"{server.url.replace('http', 'ws')}/_stcore/stream"
        async with connect_socket(url, additional_headers={"X-Forwarded-For": address}, max_size=2**24) as socket:
            reader = Reader(socket)
            await reader.open()
            await reader.ask(QUESTION)

    with GroqServer() as model:
        model.says("It was flooded [1].", times=2)
        server = AppServer(tmp_path, ACCESS="public", GROQ_API_KEY="gsk_x", GROQ_BASE_URL=model.url)
        publish(server.database_url)
        # In a thread of its own: in this one the browser of this file's other tests has its loop.
        with server, ThreadPoolExecutor(1) as thread:
            for address in ("84.208.20.110", "192.168.1.7"):
                thread.submit(asyncio.run, visit(address)).result()
    engine = connect(server.database_url)
    with reading(engine) as connection:
        charged = connection.execute(select(charges.c.address).order_by(charges.c.at)).scalars().all()
    assert charged == [Budgets(engine).machine("84.208.20.110"), ""]
    assert "84.208.20.110" not in server.log
    engine.dispose()
