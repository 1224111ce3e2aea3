"""A question spoken, an answer read aloud: over the wire, and the pure parts of it."""

from __future__ import annotations

import io
import wave
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from llm import voice
from llm.base import BadRequest, KeyRefused, Message, ModelError, ModelGone, RateLimited, ServerFailed, TooLarge
from llm.groq import MOST_HEARD, MOST_PIECES, MOST_SPOKEN, GroqModel
from llm.memory import Memory
from tests.groq_server import MODELS, VOICES, GroqServer, sound, spoken

NOON = datetime(2026, 6, 10, 12, tzinfo=UTC)
TURBO, LARGE, ORPHEUS = "whisper-large-v3-turbo", "whisper-large-v3", "canopylabs/orpheus-v1-english"
RECORDING = sound("what rained")
SENTENCES = [f"Sentence number {n} tells of rain and of a great many frogs in Oslo." for n in range(12)]


class Time:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> datetime:
        return NOON + timedelta(seconds=self.seconds)

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


@pytest.fixture
def server() -> Iterator[GroqServer]:
    with GroqServer(models=[*MODELS, *VOICES]) as server:
        yield server


Make = Callable[..., GroqModel]


@pytest.fixture
def model(server: GroqServer) -> Make:
    """Makes a model that knows what the server lists."""
    clock, memory = Time(), Memory()

    def make(key: str = "gsk_test1234", **more: Any) -> GroqModel:
        given: dict[str, Any] = {"base_url": server.url, "sleep": clock.sleep, "clock": clock, "memory": memory}
        made = GroqModel(key, **{**given, **more})
        if not made.is_live():
            made.list_models()
        return made

    return make


# What there is


def test_nobody_hears_or_speaks_before_the_list_was_asked_for(server: GroqServer) -> None:
    model = GroqModel("gsk_test1234", base_url=server.url, memory=Memory())
    assert (model.hears(), model.speaks()) == ("", "")
    with pytest.raises(ModelGone, match=r"^127\.0\.0\.1 offers no model to this key that turns speech into text\.$"):
        model.transcribe(RECORDING)
    with pytest.raises(ModelGone, match=r"^127\.0\.0\.1 offers no model to this key that reads aloud\.$"):
        model.speak("Frogs.")
    assert server.voiced == []
    model.offered()
    assert (model.hears(), model.speaks()) == (TURBO, ORPHEUS)


@pytest.mark.parametrize(
    ("listed", "hears", "speaks"),
    [
        ([LARGE, TURBO], TURBO, ""),
        ([LARGE], LARGE, ""),
        (["Systran/faster-whisper-small"], "Systran/faster-whisper-small", ""),
        ([ORPHEUS, "qwen/qwen3.6-27b"], "", ORPHEUS),
        (["kokoro", "tts-1"], "", ""),  # their voices have names that nobody told
        ([], "", ""),
    ],
)
def test_the_best_of_what_is_listed_hears_and_speaks(
    listed: list[str], hears: str, speaks: str, server: GroqServer, model: Make
) -> None:
    server.models = [{"id": id_} for id_ in listed]
    assert (model().hears(), model().speaks()) == (hears, speaks)


# A question, spoken


def test_a_recording_is_sent_as_a_file_and_comes_back_as_text(server: GroqServer, model: Make) -> None:
    server.heard = "What  rained\nin Oslo? "
    assert model().transcribe(RECORDING, "clip.webm") == "What rained in Oslo?"
    (request,) = server.voiced
    assert request.path == "/openai/v1/audio/transcriptions"
    assert request.headers["authorization"] == "Bearer gsk_test1234"
    assert request.body == {
        "model": TURBO,
        "response_format": "json",
        "temperature": "0",
        "file": ("question.webm", RECORDING),
    }
    assert server.count == 0


@pytest.mark.parametrize("name", ["", "noend", "../../etc/passwd", 'a".wav\r\nX: y', "x.exe", "x.WAV"])
def test_nothing_of_a_files_name_is_sent_but_a_known_ending(name: str, server: GroqServer, model: Make) -> None:
    assert model().transcribe(RECORDING, name)
    assert server.voiced[0].body["file"] == ("question.wav", RECORDING)


def test_silence_is_no_words(server: GroqServer, model: Make) -> None:
    server.heard = " "
    assert model().transcribe(RECORDING) == ""


def test_a_recording_that_is_too_long_is_not_sent(server: GroqServer, model: Make) -> None:
    with pytest.raises(TooLarge, match=r"^The recording is too long\. Say it in fewer words\.$"):
        model().transcribe(bytes(MOST_HEARD + 1))
    assert server.voiced == []


def test_another_server_hears_at_its_own_path(server: GroqServer, model: Make) -> None:
    assert model("", base_url=f"{server.url}/v1").transcribe(RECORDING) == server.heard
    assert server.voiced[0].path == "/v1/audio/transcriptions"


# An answer, read aloud


def test_a_short_text_is_one_request_and_one_sound(server: GroqServer, model: Make) -> None:
    assert spoken(model().speak("Frogs fell [1]. In Oslo [2][3].")) == "Frogs fell. In Oslo."
    (request,) = server.voiced
    assert request.path == "/openai/v1/audio/speech"
    assert request.headers["accept"] == "audio/wav"
    assert request.body == {
        "model": ORPHEUS,
        "input": "Frogs fell. In Oslo.",
        "voice": "hannah",
        "response_format": "wav",
    }


def test_a_long_text_is_cut_at_its_sentences_and_heard_as_one(server: GroqServer, model: Make) -> None:
    recording = model().speak(" ".join(SENTENCES))
    inputs = [request.body["input"] for request in server.voiced]
    assert len(inputs) == 5
    assert all(len(piece) <= 200 and piece.endswith(".") for piece in inputs)
    assert spoken(recording) == "".join(inputs)
    assert " ".join(inputs) == " ".join(SENTENCES)
    with wave.open(io.BytesIO(recording)) as wav:
        assert (wav.getnchannels(), wav.getsampwidth(), wav.getframerate()) == (1, 2, 24_000)


def test_what_is_too_long_to_be_read_aloud_is_not_sent(server: GroqServer, model: Make) -> None:
    for text in ("a" * (MOST_SPOKEN + 1), ("b" * 130 + ". ") * (MOST_PIECES + 1)):
        with pytest.raises(TooLarge, match=r"^This is too long to be read aloud at once\.$"):
            model().speak(text)
    assert server.voiced == []


@pytest.mark.parametrize("text", ["", " \n ", "[1][2]"])
def test_nothing_is_not_read_aloud(text: str, server: GroqServer, model: Make) -> None:
    with pytest.raises(BadRequest, match="nothing to read aloud"):
        model().speak(text)
    assert server.voiced == []


@pytest.mark.parametrize("body", [b"", b"<html>hello</html>", b"RIFF....WAVE", b"\0" * 100])
def test_what_is_no_sound_is_told(body: bytes, server: GroqServer, model: Make) -> None:
    asked = model()
    server.fails(200, body=body)
    with pytest.raises(ServerFailed) as raised:
        asked.speak("Frogs.")
    assert str(raised.value) == "127.0.0.1 could not read this text aloud. What it sent is no sound."


# Failures: the same tree, the same tries


HEAR: Callable[[GroqModel], object] = lambda model: model.transcribe(RECORDING)  # noqa: E731
SPEAK: Callable[[GroqModel], object] = lambda model: model.speak("Frogs fell.")  # noqa: E731
UNHEARD = "127.0.0.1 could not make anything of the recording. Record it again."
UNSPOKEN = "127.0.0.1 could not read this text aloud."
TERMS = f"The owner of this key has to accept the terms of {ORPHEUS} at 127.0.0.1 first."


@pytest.mark.parametrize(
    ("ask", "failure", "requests", "error", "sentence", "hidden"),
    [
        (HEAR, {"status": 400}, 1, BadRequest, UNHEARD, False),
        (HEAR, {"status": 413}, 1, BadRequest, UNHEARD, False),
        (HEAR, {"status": 500}, 3, ServerFailed, "127.0.0.1 is in trouble at the moment (500). Try again soon.", False),
        (HEAR, {"status": 200, "body": "[]"}, 3, ServerFailed, "127.0.0.1 sent something that is no answer. Try again, "
         "or check the server's address in Settings.", False),
        (HEAR, {"status": 200, "body": {"error": "Unexpected endpoint or method. (POST /v1/audio)"}}, 1, BadRequest,
         UNHEARD, False),
        (HEAR, {"status": 403}, 1, KeyRefused, f"This key may not use {TURBO}. Choose another model or another key in "
         "Settings.", True),
        (HEAR, {"status": 404, "code": "model_not_found"}, 1, ModelGone,
         f"127.0.0.1 does not offer the model {TURBO} to this key.", True),
        (HEAR, {"status": 404, "body": "404 page not found"}, 1, BadRequest, UNHEARD, True),
        (SPEAK, {"status": 400, "code": "model_terms_required"}, 1, KeyRefused, TERMS, True),
        (SPEAK, {"status": 400}, 1, BadRequest, UNSPOKEN, False),
        (SPEAK, {"status": 503}, 3, ServerFailed, "127.0.0.1 is too busy at the moment (503). Try again soon.", False),
        (SPEAK, {"status": 0}, 3, ModelError, "127.0.0.1 could not be reached. Check the network and the server's "
         "address, then try again.", False),
    ],
)  # fmt: skip
def test_each_failure_of_speech_has_its_sentence_and_what_may_not_be_used_is_hidden(
    ask: Callable[[GroqModel], object],
    failure: dict[str, Any],
    requests: int,
    error: type[ModelError],
    sentence: str,
    hidden: bool,
    server: GroqServer,
    model: Make,
) -> None:
    model()
    server.fails(**failure, times=9)
    with pytest.raises(error) as raised:
        ask(model())
    assert (str(raised.value), len(server.voiced)) == (sentence, requests)
    server.forget()
    if ask is HEAR:
        assert model().hears() == (LARGE if hidden else TURBO)
    else:
        assert model().speaks() == ("" if hidden else ORPHEUS)
        assert bool(model("gsk_another1").speaks())


def test_a_limit_of_speech_is_sat_out_or_told_and_holds_for_all(server: GroqServer, model: Make) -> None:
    server_says = "Rate limit reached for model on requests per minute (RPM): Limit 10, Used 10."
    model()
    server.fails(429, retry_after=3, message=server_says)
    assert model().transcribe(RECORDING) == server.heard
    server.fails(429, retry_after=40, message=server_says)
    for _ in range(3):
        with pytest.raises(RateLimited, match="The limit of questions a minute at"):
            model().transcribe(RECORDING)
    assert len(server.voiced) == 3
    server.says("Frogs.")
    with model().stream([Message("user", "What rained?")]) as stream:  # the chat has a limit of its own
        assert [delta.text for delta in stream] == ["Frogs."]


def test_a_list_asked_for_anew_brings_back_what_was_hidden(server: GroqServer, model: Make) -> None:
    model()
    server.fails(400, code="model_terms_required")
    with pytest.raises(KeyRefused):
        model().speak("Frogs.")
    assert model().speaks() == ""
    model().offered()  # the owner has accepted them, and pressed the button
    assert model().speaks() == ORPHEUS


# The pure parts


@pytest.mark.parametrize(
    ("text", "most", "pieces"),
    [
        ("One. Two. Three.", 200, ["One. Two. Three."]),
        ("One one. Two two. Three.", 10, ["One one.", "Two two.", "Three."]),
        ("A sentence that is long.", 10, ["A sentence", "that is", "long."]),
        ("Unbreakable", 4, ["Unbr", "eaka", "ble"]),
        ("Dr. Hill paid 3.5 million. He left.", 30, ["Dr. Hill paid 3.5 million.", "He left."]),
        ("东京下雨了。大阪没有。", 6, ["东京下雨了。", "大阪没有。"]),
        ("Frogs [1] fell [12](https://a.example/1). [cheerful] Yes.", 200, ["Frogs fell. cheerful Yes."]),
        ("", 200, []),
    ],
)
def test_a_text_is_cut_where_a_voice_would_pause(text: str, most: int, pieces: list[str]) -> None:
    assert voice.pieces(text, most) == pieces


def test_no_word_is_lost_by_cutting() -> None:
    text = " ".join(f"word{n}" + ("." if n % 7 == 0 else "") for n in range(500))
    for most in (12, 50, 199, 200):
        cut = voice.pieces(text, most)
        assert " ".join(cut) == text
        assert max(map(len, cut)) <= most


def test_recordings_of_a_server_that_did_not_know_their_length_are_joined() -> None:
    streamed = bytearray(sound("ab"))
    streamed[4:8] = streamed[40:44] = b"\xff\xff\xff\xff"
    assert spoken(voice.join([bytes(streamed), sound("c"), bytes(streamed) + b"\0"])) == "abcab"


def test_what_cannot_be_joined_is_refused() -> None:
    other = io.BytesIO()
    with wave.open(other, "wb") as wav:
        wav.setnchannels(2)
        wav.setsampwidth(2)
        wav.setframerate(24_000)
        wav.writeframes(bytes(400))
    for recordings in ([], [b""], [b"RIFF"], [sound("a"), other.getvalue()], [sound("a"), b"\0" * 50]):
        with pytest.raises(ValueError, match=r"recording|WAV"):
            voice.join(recordings)
