"""Greedy decoding as fast as the GPU goes: a cache of fixed size, and the pass of a token captured as a CUDA graph.

Of a plain loop at batch 1 the host sets the pace, which launches a thousand kernels a token. A graph is launched once.
It does the same work with the same weights in the same places, so it holds only while no weight gets other memory.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import Tensor
from transformers import PreTrainedModel
from transformers.cache_utils import Cache, StaticLayer

from suite.errors import ExperimentError

WARM_UPS = 3  # passes before a capture, in which libraries set up what they need


def captures(model: PreTrainedModel) -> bool:
    """Whether passes of this model are captured: on a GPU they are."""
    return model.device.type == "cuda"


class Decoder:
    """Prompts of one length, to be continued greedily again and again; on a GPU by captured graphs.

    Nothing of a step depends on a number the host knows: the place in the text is a tensor, and so is the mask.
    """

    @torch.inference_mode()
    def __init__(self, model: PreTrainedModel, prompts: Tensor, new_tokens: int) -> None:
        """
        Args:
            prompts: int64 [batch, length].

        Raises:
            ExperimentError: this model cannot be decoded so, with the reason.
        """
        devices = {parameter.device for parameter in model.parameters()}
        if len(devices) > 1:
            raise ExperimentError(f"a step is captured on one device, and the model lies on {len(devices)}")
        self._model, self._length = model, prompts.shape[1]
        longest = self._length + new_tokens
        window = getattr(model.config, "sliding_window", None)
        if window is not None and window < longest:
            raise ExperimentError(f"{longest} tokens are more than the model's window of attention, {window}")
        text = torch.nn.functional.pad(prompts, (0, new_tokens))
        self._text = text.to(model.device)  # int64 [batch, longest]
        self._places = torch.arange(longest, device=model.device)
        self._last = self._places[self._length - 1 : self._length].clone()  # the place of the last token there is
        self._cache = Cache(layers=[StaticLayer(longest) for _ in range(model.config.num_hidden_layers)])
        self._read_prompt = self._captured(self._prompt)
        self._read_token = self._captured(self._token)

    @torch.inference_mode()
    def run(self) -> tuple[Tensor, float, float]:
        """What `greedy` gives: new tokens, int64 [batch, new_tokens] on the CPU; seconds of prefill and of decoding."""
        self._rewind()
        self._synchronise()
        started = time.perf_counter()
        self._read_prompt()
        self._synchronise()
        prefilled = time.perf_counter()
        for _ in range(self._text.shape[1] - self._length - 1):
            self._read_token()
        self._synchronise()
        finished = time.perf_counter()
        return self._text[:, self._length :].cpu(), prefilled - started, finished - prefilled

    def _prompt(self) -> None:
        self._read(self._text[:, : self._length], self._places[: self._length])

    def _token(self) -> None:
        self._read(self._text.index_select(1, self._last), self._last)

    def _read(self, tokens: Tensor, places: Tensor) -> None:
        """Run the model over tokens [batch, count] at their places [count], and append its choice to the text."""
        step = self._model(
            tokens,
            position_ids=places[None],
            attention_mask=(self._places <= places[:, None])[None, None],
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=1,
        )
        self._last.add_(1)
        self._text.index_copy_(1, self._last, step.logits[:, -1].argmax(-1, keepdim=True))

    def _rewind(self) -> None:
        self._cache.reset()
        self._last.fill_(self._length - 1)

    def _captured(self, work: Callable[[], None]) -> Callable[[], object]:
        """What does a piece of work on the GPU again; elsewhere the work itself."""
        if not captures(self._model):
            return work
        with torch.cuda.device(self._text.device):
            aside = torch.cuda.Stream()
            aside.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(aside):
                for _ in range(WARM_UPS):
                    self._rewind()
                    work()
            torch.cuda.current_stream().wait_stream(aside)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                work()
            return graph.replay

    def _synchronise(self) -> None:
        if captures(self._model):
            torch.cuda.synchronize(self._text.device)
