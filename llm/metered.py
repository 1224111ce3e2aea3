"""A model whose every request is announced before it is sent, so that whoever pays for it may say no."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from llm.base import ChatModel, Interrupted, Left, Message, ModelError, Stream


class Metered(ChatModel):
    """`model`, with a say in what it is asked.

    `charge` is called with the name of the model and the tokens that a request may take, prompt and reply together;
    what it raises, a `ModelError`, is what asking raises. `release` is called when a request that was charged was
    refused. `left` is what may still be charged this minute, None if there is no limit.
    """

    def __init__(
        self,
        model: ChatModel,
        *,
        charge: Callable[[str, int], object],
        release: Callable[[], object],
        left: Callable[[], Left | None],
    ) -> None:
        super().__init__(system=model.system, ctx_length=model.ctx_length, reply_tokens=model.reply_tokens)
        self.name = model.name
        self._model = model
        self._charge = charge
        self._release = release
        self._left = left

    def _open(self, messages: Sequence[Message], reply_tokens: int) -> Stream:
        self._charge(self.name, self.count(messages) + reply_tokens)
        try:
            return self._model._open(messages, reply_tokens)
        except Interrupted:  # it may have been sent, and counted
            raise
        except ModelError:
            self._release()
            raise

    def ceiling(self) -> int | None:
        return self._model.ceiling()

    def left(self) -> Left | None:
        said = [left for left in (self._model.left(), self._left()) if left is not None]
        return min(said, key=lambda left: left.tokens, default=None)

    def cancel(self) -> None:
        self._model.cancel()

    def count(self, messages: Sequence[Message]) -> int:
        return self._model.count(messages)
