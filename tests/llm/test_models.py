import pytest

from llm import models
from llm.models import BUNDLED, ModelInfo, choose, fallbacks, info, is_chat, merge

BIG, SMALL = "openai/gpt-oss-120b", "openai/gpt-oss-20b"
PREVIEWS = ("qwen/qwen3.8-27b", "qwen/qwen3.6-27b")


def test_the_table_has_the_lasting_models_first_with_their_windows_and_the_day_it_was_made() -> None:
    assert [row.id for row in BUNDLED] == [BIG, SMALL, *PREVIEWS]
    assert [row.preview for row in BUNDLED] == [False, False, True, True]
    for row in BUNDLED[:2]:
        assert (row.window, row.max_reply, row.tokens_per_minute_free) == (131_072, 65_536, 8_000)
        assert row.efforts == ("low", "medium", "high")
    for row in BUNDLED:
        assert is_chat(row.id)
        assert 0 < (row.max_reply or 0) < (row.window or 0)
        assert 0 < (row.price_cached or 0) < (row.price_prompt or 0) < (row.price_reply or 0)
    assert models.KNOWN_ON.year >= 2026
    assert BIG == models.DEFAULT


def test_the_table_of_speech_has_prices_an_hour_a_voice_and_the_length_of_one_request() -> None:
    assert [(row.id, row.price_hour) for row in models.HEARING] == [
        ("whisper-large-v3-turbo", 0.04),
        ("whisper-large-v3", 0.111),
    ]
    (speaker,) = models.SPEAKING
    assert (speaker.voice, speaker.most_characters) == ("hannah", 200)
    assert not any(is_chat(row.id) for row in (*models.HEARING, *models.SPEAKING))


def test_what_hears_and_what_speaks_is_picked_from_a_live_list_best_first() -> None:
    live = ["zeta-transcribe", BIG, "whisper-large-v3", "canopylabs/orpheus-v1-english", "whisper-large-v3-turbo"]
    assert models.hearing(live) == ("whisper-large-v3-turbo", "whisper-large-v3", "zeta-transcribe")
    assert models.speaking(iter(live)) == models.SPEAKING
    assert (models.hearing([BIG]), models.speaking([BIG, "playai-tts"])) == ((), ())


@pytest.mark.parametrize(
    "model",
    [
        "whisper-large-v3",
        "whisper-large-v3-turbo",
        "canopylabs/orpheus-v1-english",
        "playai-tts",
        "meta-llama/llama-guard-4-12b",
        "openai/gpt-oss-safeguard-20b",
        "groq/compound-mini",
        "nomic-embed-text",
        "",
    ],
)
def test_models_that_hold_no_conversation_are_not_offered(model: str) -> None:
    assert not is_chat(model)
    assert [row.id for row in merge([model, SMALL])] == [SMALL]


@pytest.mark.parametrize("model", [BIG, SMALL, "qwen/qwen3.6-27b", "llama3.2:3b", "mistral-small"])
def test_chat_models_are_offered(model: str) -> None:
    assert is_chat(model)


def test_a_live_list_keeps_the_tables_order_then_the_larger_windows_and_drops_what_is_gone() -> None:
    live = ["zeta", SMALL, "whisper-large-v3", "alpha"]
    assert [row.id for row in merge(live)] == [SMALL, "alpha", "zeta"]
    assert merge(live)[0] == info(SMALL)
    windows = [ModelInfo("a", 4_096), ModelInfo("b"), ModelInfo("c", 131_072), ModelInfo(SMALL, 1_000)]
    assert [row.id for row in merge(windows)] == [SMALL, "c", "a", "b"]


def test_an_empty_live_list_is_no_news() -> None:
    assert merge([]) == BUNDLED
    assert merge(["whisper-large-v3"]) == BUNDLED


def test_what_a_server_says_of_a_window_wins_over_the_table_and_the_rest_stays() -> None:
    (row,) = merge([ModelInfo(BIG, window=32_768)])
    assert (row.window, row.max_reply, row.price_prompt) == (32_768, 65_536, 0.15)


def test_the_wanted_model_is_chosen_if_it_is_offered_else_the_best_that_is() -> None:
    assert choose() == BIG
    assert choose("my/model") == "my/model"
    assert choose("my/model", [BIG, "my/model"]) == "my/model"
    assert choose("llama-3.3-70b-versatile", ["zeta", SMALL]) == SMALL
    assert choose("", iter(["zeta"])) == "zeta"


def test_when_a_model_is_gone_the_others_of_the_table_answer_in_its_order() -> None:
    assert fallbacks(BIG) == (SMALL, *PREVIEWS)
    assert fallbacks(SMALL) == (BIG, *PREVIEWS)
    assert fallbacks("llama-3.3-70b-versatile") == (BIG, SMALL, *PREVIEWS)


def test_a_cost_counts_cached_tokens_at_their_own_price() -> None:
    row = info(BIG)
    assert row is not None
    assert row.cost(prompt=1_000_000, completion=0) == pytest.approx(0.15)
    assert row.cost(prompt=1_000_000, completion=500_000, cached=1_000_000) == pytest.approx(0.075 + 0.30)
    assert ModelInfo("unknown").cost(prompt=1, completion=1) is None
