"""Pictures of the outlets: only for those who want them, only from web addresses."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import pages
from news.types import ParsedEntry
from tests.pages.conftest import NASTY, App

PICTURE = "https://pictures.example/ferry.jpg"


def publish(app: App, *pictures: str, title: str = "Article") -> None:
    at = pages.now()
    app.save(
        app.feed("The Post"),
        *(
            ParsedEntry(
                str(n), f"https://post.example/{n}", f"{title} {n}", "Text.", picture=picture,
                published_at=at - timedelta(minutes=n + 1),
            )
            for n, picture in enumerate(pictures)
        ),
        at=at,
    )  # fmt: skip


def drawn(at: AppTest) -> list[str]:
    """The addresses of all pictures on the page that are not our own."""
    return [url for image in at.image for url in image.value]


def with_pictures(app: App) -> AppTest:
    at = app.open("settings")
    at.toggle(key="show_pictures").set_value(True).run()
    return at.switch_page("pages/front_page.py").run()


def test_no_picture_is_drawn_until_the_reader_wants_them(app: App):
    publish(app, PICTURE, PICTURE + "?2")
    at = app.open("front_page")
    assert drawn(at) == []
    assert "pictures.example" not in "".join(m.value for m in at.markdown)
    assert not app.open("settings").toggle(key="show_pictures").value


def test_pictures_are_drawn_with_words_for_those_who_do_not_see_them(app: App):
    publish(app, PICTURE, "", PICTURE + "?2", title=NASTY[0])
    at = with_pictures(app)
    assert not at.exception
    assert drawn(at) == [PICTURE, PICTURE + "?2"]
    assert all("Picture of the article" in one.alt for image in at.image for one in image.proto.imgs)
    assert drawn(app.open("front_page")) == []  # another session


def test_the_setting_says_who_sees_what(app: App):
    told = " ".join(caption.value for caption in app.open("settings").caption)
    assert "outlets' own servers, which then see your address" in told


@pytest.mark.parametrize(
    "picture", ["data:image/png;base64,AAAA", "javascript:alert(1)", "/etc/hostname", "<svg/>", "file:///etc/passwd"]
)
def test_what_is_no_web_address_is_never_drawn(app: App, picture: str):
    publish(app, picture, str(Path(pages.ICON)))
    at = with_pictures(app)
    assert not at.exception
    assert drawn(at) == []
