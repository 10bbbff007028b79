"""The anatomy of a model: every parameter, the part it belongs to, and which parts a target selects.

Of families that are declared (`suite.models.families`) it is worked out from the configuration alone, without torch;
of any other the class of transformers is looked at (`suite.models.found`). Whoever prunes, calibrates, measures or
exports knows a model by its anatomy, and no name of a module.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from suite.errors import InputError
from suite.models.families import ARCHITECTURES, Config, Places, declared, family_of, head_sizes
from suite.models.parts import ATTENTION, BLOCK, MLP, OTHER, TABLES, TARGETS, Parameter

__all__ = [
    "ARCHITECTURES",
    "ATTENTION",
    "BLOCK",
    "MLP",
    "OTHER",
    "TARGETS",
    "Anatomy",
    "Config",
    "Parameter",
    "anatomy_of",
    "parse_layers",
]

Parts = tuple[tuple[str, str], ...]  # patterns of names of weights, each with the part that such a weight is


def anatomy_of(config: Config, parts: Parts = ()) -> Anatomy:
    """The anatomy of any language model of transformers.

    Args:
        parts: which part weights are that no name tells, or that are to be another.

    Raises:
        InputError: it is none of which the suite can tell the parts; one sentence says why.
        KeyError: a declared family's configuration lacks a key.
    """
    if declared(config) and not parts:
        return Anatomy(config)
    from suite.models.found import found_anatomy

    return found_anatomy(config, parts)


@dataclass(frozen=True, slots=True)
class Sizes:
    """The numbers of a model: of its blocks, positions, heads, hidden units, inner units of its MLPs, and tokens.

    Of `experts` a token meets `active`, of which `inner` counts all neurons; both are 1 where there are none. `context`
    is how many positions it has.
    """

    layers: int
    context: int
    heads: int
    hidden: int
    inner: int
    vocabulary: int
    experts: int = 1
    active: int = 1


class Anatomy:
    """Every parameter of a model, in the order of its name; a tied head is the embedding and not listed again.

    Attributes:
        family: what such models are called.
        found_in: the class of transformers that was looked at; None where the family is declared.
        places: where the model keeps its parts.
    """

    def __init__(self, config: Config) -> None:
        """The anatomy of a model of a declared family, from its configuration alone.

        Raises:
            InputError: its family is not declared.
            KeyError: a key is missing.
        """
        if (family := family_of(config)) is None:
            kind, known = config.get("model_type"), ", ".join(ARCHITECTURES)
            raise InputError(f"the model's architecture is {kind!r:.40}, and the suite declares the families {known}")
        tied = bool(config.get("tie_word_embeddings", family.tied))
        sizes = Sizes(
            layers=config["num_hidden_layers"],
            context=config.get("max_position_embeddings") or 2048,
            heads=head_sizes(config)[0],
            hidden=config["hidden_size"],
            inner=config["intermediate_size"],
            vocabulary=config["vocab_size"],
        )
        self._is(family.name, sizes, family.places, tied)
        self._consists_of(family.parameters(config, sizes.layers, tied))

    @classmethod
    def found(
        cls, family: str, sizes: Sizes, places: Places, tied: bool, parameters: Iterable[Parameter], where: str
    ) -> Anatomy:
        """The anatomy of a model that was looked at in the class of transformers called `where`."""
        made = cls.__new__(cls)
        made._is(family, sizes, places, tied, where)
        made._consists_of(parameters)
        return made

    def _is(self, family: str, sizes: Sizes, places: Places, tied: bool, found_in: str | None = None) -> None:
        self.family, self.sizes, self.places, self.tied, self.found_in = family, sizes, places, tied, found_in
        self.layers, self.inner = sizes.layers, sizes.inner
        self.context, self.heads, self.hidden = sizes.context, sizes.heads, sizes.hidden
        self.vocabulary = sizes.vocabulary

    def _consists_of(self, parameters: Iterable[Parameter]) -> None:
        self.parameters = tuple(sorted(parameters, key=lambda parameter: parameter.name))
        self.by_name = {parameter.name: parameter for parameter in self.parameters}
        self.weights = sum(parameter.weights for parameter in self.parameters)  # a tied one counted once
        self.block_linears = tuple(parameter for parameter in self.parameters if parameter.part in BLOCK)
        self.block_weights = sum(parameter.weights for parameter in self.block_linears)
        self._selected: dict[Any, tuple[Parameter, ...]] = {}  # as the cells of a study ask again and again

    def reduced(self, parameters: Iterable[Parameter], layers: int) -> Anatomy:
        """The anatomy of what remains of the model where it consists of these parameters, in so many layers."""
        smaller = copy.copy(self)
        smaller.layers = layers
        smaller._consists_of(parameters)
        return smaller

    def budget(self, share: float) -> int:
        """The exact number of weights that a budget, a share of the block weights, removes from any target."""
        return round(share * self.block_weights)

    @property
    def embeddings(self) -> Parameter:
        return self.by_name[f"{self.places.table}.weight"]

    @property
    def head(self) -> Parameter:
        """The LM head; of a tied model, as the private copy that `tied: untie` would make."""
        name = f"{self.places.head}.weight"
        return self.by_name.get(name) or Parameter(name, self.embeddings.shape, "lm_head")

    @property
    def stacked_weights(self) -> int:
        """Weights of stacked experts: most checkpoints keep them one by one, and they are converted at loading."""
        return sum(parameter.weights for parameter in self.parameters if parameter.stacked)

    def stored_names(self, name: str) -> list[str]:
        """The names that a checkpoint may have for a parameter: its own, that of what it shares its memory with, and
        each without the name of the model's body, which old files leave out."""
        pair = {self.embeddings.name, self.head.name} if self.tied else set()
        names = [name, *(pair - {name} if name in pair else ())]
        body = self.places.blocks.partition(".")[0] + "."
        return [*names, *(one.removeprefix(body) for one in names if one.startswith(body))]

    def runs(self, parameter: Parameter) -> int:
        """How many of a parameter's weights a token is multiplied with: of experts those it meets."""
        met = min(self.sizes.active, parameter.matrices)
        return parameter.weights // parameter.matrices * met

    @property
    def running_weights(self) -> int:
        """How many weights of the blocks a token is multiplied with."""
        return sum(map(self.runs, self.block_linears))

    def select(
        self, target: str | None, part: tuple[str, ...] | None = None, layers: str | None = None, tied: str = "untie"
    ) -> tuple[Parameter, ...]:
        """The parameters a target, or freely chosen parts, may lose weights from, in the order of their names.

        Of a tied model the shared table is chosen as `embeddings` or as `lm_head` under `tied: untie` (the other keeps
        its values), as itself (the table, once) under `both`, and not at all under `skip`.

        Raises:
            InputError: nothing matches, or a name is not one of the parts.
        """
        asked = target, part, layers, tied
        if asked not in self._selected:
            self._selected[asked] = self._select(*asked)
        return self._selected[asked]

    def _select(
        self, target: str | None, part: tuple[str, ...] | None, layers: str | None, tied: str
    ) -> tuple[Parameter, ...]:
        chosen = [self.block_linears, self._table(self.embeddings, tied), self._table(self.head, tied)]
        pool = {parameter.name: parameter for group in chosen for parameter in group}.values()
        parts, span = self._parts_and_layers(target, part, layers)
        # Under `both` the one shared table answers to either of its names.
        aliases = (
            {"embeddings", "lm_head"} if self.tied and tied == "both" and parts & {"embeddings", "lm_head"} else set()
        )
        selected = tuple(
            parameter
            for parameter in sorted(pool, key=lambda parameter: parameter.name)
            if parameter.part in parts | aliases and (span is None or parameter.layer in span)
        )
        if not selected:
            described = target or "+".join(part or ())
            where = f" in layers {layers}" if layers else ""
            why = "; its tied table is left out by `tied: skip`" if self.tied and tied == "skip" else ""
            raise InputError(f"{described}{where} matches no weights of this {self.family} model{why}")
        return selected

    def _table(self, table: Parameter, tied: str) -> tuple[Parameter, ...]:
        if self.tied and tied != "untie":
            return (self.embeddings,) if tied == "both" else ()
        return (table,)

    def _parts_and_layers(
        self, target: str | None, part: tuple[str, ...] | None, layers: str | None
    ) -> tuple[set[str], set[int] | None]:
        span = None if layers is None else parse_layers(layers, self.layers)
        if part is not None:
            known = {*BLOCK, *TABLES}
            if unknown := set(part) - known:
                raise InputError(f"part {sorted(unknown)[0]!r} is not one of {', '.join(sorted(known))}")
            return set(part), span
        if target in ("early", "late"):
            half = set(range(self.layers // 2))
            half = half if target == "early" else set(range(self.layers)) - half
            return set(BLOCK), half if span is None else half & span
        parts = {
            "all": {*BLOCK, "lm_head"},
            "blocks": set(BLOCK),
            "attention": set(ATTENTION),
            "mlp": set(MLP),
            "embeddings": {"embeddings"},
            "lm_head": {"lm_head"},
        }
        if target not in parts:
            raise InputError(f"target {target!r} is not one of {', '.join(TARGETS)}")
        return parts[target], span


def parse_layers(text: str, count: int | None = None) -> set[int]:
    """The layers of `0-7` or `0,3,5-6`, counted from 0.

    Raises:
        InputError: it is not of that form, or a layer is not below `count`.
    """
    chosen: set[int] = set()
    for piece in str(text).split(","):
        first, dash, last = piece.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()) or (dash and int(last) < int(first)):
            raise InputError(f"layers {text!r} is not of the form 0-7 or 0,3,5-6")
        if int(last or first) > 100_000:
            raise InputError(f"layers {text!r} names a layer beyond any model's")
        chosen |= set(range(int(first), int(last or first) + 1))
    if count is not None and max(chosen) >= count:
        raise InputError(f"layers {text!r}: the model has {count} layers, 0 to {count - 1}")
    return chosen
