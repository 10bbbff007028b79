"""What other packages add by entry points: criteria, texts, models, and sections of the reports.

Entry points are read without importing anything. A plug-in's module is imported when its name is used, or listed. What
is wrong with one is told in a sentence that names its distribution, once; it is an error where that very name is asked
for, and everything else goes on.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Collection, Iterator, MutableMapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import import_module
from typing import Any, Generic, NamedTuple, TypeVar

from suite.errors import InputError, first_line, sentence

T = TypeVar("T")

GROUP = "lottery_suite."
NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"  # names become file names and printed words
DISTRIBUTION = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"  # as in the package index
VERSION = r"^[A-Za-z0-9][A-Za-z0-9.!+_-]{0,99}$"
_VALUE = re.compile(r"([\w.]+):([\w.]+)")
_log = logging.getLogger("suite.plugins")


@dataclass(frozen=True, slots=True)
class Origin:
    """The distribution that a plug-in came with, by its name in the package index, and its version."""

    distribution: str
    version: str

    def __str__(self) -> str:
        return f"{self.distribution} {self.version}"


@dataclass(frozen=True, slots=True)
class Declared:
    """An entry point: whose it is, its name, and where its object is (`module:name`)."""

    origin: Origin
    name: str
    value: str

    def load(self) -> Any:
        """The object. Raises: whatever its import raises."""
        if not (found := _VALUE.fullmatch(self.value.replace(" ", ""))):
            raise ImportError("an entry point is written `name = module:object`")
        made: Any = import_module(found[1])
        for attribute in found[2].split("."):
            made = getattr(made, attribute)
        return made


class _Sorted(NamedTuple):
    """The plug-ins of a group by name, or why two of one name are not used; and why others are left out, by name."""

    usable: dict[str, Declared | InputError]
    refused: dict[str, str]


class Registry(MutableMapping[str, T], Generic[T]):
    """The suite's own things by name, and below them those of plug-ins. Iterating leaves out those that do not work.

    `registry[name]` raises InputError where the plug-in of that name does not work, and KeyError where there is none.
    """

    def __init__(
        self,
        group: str,
        kind: str,
        expected: tuple[type, ...],
        own: dict[str, T],
        fault: Callable[[str, T], str | None] = lambda _name, _made: None,
        reserved: Callable[[], Collection[str]] = tuple,
    ) -> None:
        """
        Args:
            group: of the entry points, after `lottery_suite.`.
            kind: what one is called in a sentence: `criterion`.
            expected: the type or types of an object.
            fault: what is wrong with an object, as the end of `is wrong: `; None where nothing is.
            reserved: names that no plug-in may take, beside those of `own`.
        """
        self.kind = kind
        self._group, self._expected = group, expected
        self._own, self._fault, self._reserved = own, fault, reserved
        self._made: dict[str, T | InputError] = {}

    def __getitem__(self, name: str) -> T:
        self.heed(name)
        if name in self._own:
            return self._own[name]
        if name not in self._made:
            declared = self._sorted.usable[name]
            self._made[name] = declared if isinstance(declared, InputError) else self._load(declared)
        made = self._made[name]
        if isinstance(made, InputError):
            raise made
        return made

    def __setitem__(self, name: str, made: T) -> None:
        self._own[name] = made

    def __delitem__(self, name: str) -> None:
        del self._own[name]

    def __contains__(self, name: object) -> bool:
        return name in self._own or name in self._sorted.usable

    def __iter__(self) -> Iterator[str]:
        yield from self._own
        yield from (name for name, _, _ in self.added())

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def heed(self, name: str) -> None:
        """Tell of a plug-in that is left out because it would take this name."""
        if fault := self._sorted.refused.get(name):
            tell(fault)

    def find(self, name: str) -> T | None:
        """What has this name; None where nothing has, or where it does not work, which is told."""
        try:
            return self[name]
        except KeyError:
            return None
        except InputError as error:
            tell(str(error))
            return None

    def added(self) -> Iterator[tuple[str, T, Origin]]:
        """What plug-ins add, by name, and whose it is; what does not work is told and left out."""
        for name in self._sorted.refused:
            self.heed(name)
        for name in sorted(self._sorted.usable):
            made, origin = self.find(name), self.origin(name)
            if made is not None and origin is not None:
                yield name, made, origin

    def origin(self, name: str) -> Origin | None:
        """Whose plug-in has this name; None of the suite's own and of what is not known."""
        found = None if name in self._own else self._sorted.usable.get(name)
        return found.origin if isinstance(found, Declared) else None

    def installed(self) -> Iterator[tuple[str, str | None]]:
        """What every plug-in adds, and what is wrong with it, if anything is; each is imported, and nothing told."""
        yield from ((self.kind, fault) for fault in self._sorted.refused.values())
        for name, declared in sorted(self._sorted.usable.items()):
            try:
                _ = self[name]
                yield f"{self.kind} {name} of {declared.origin}" if isinstance(declared, Declared) else name, None
            except InputError as fault:
                yield self.kind, str(fault)

    @cached_property
    def _sorted(self) -> _Sorted:
        usable: dict[str, Declared | InputError] = {}
        refused: dict[str, str] = {}
        by_name: dict[str, list[Declared]] = {}
        for declared in _entry_points().get(self._group, ()):
            by_name.setdefault(declared.name, []).append(declared)
        for name, several in by_name.items():
            who = " and ".join(str(declared.origin) for declared in several)
            if name in self._own or name in self._reserved():
                refused[name] = (
                    f"plug-in {who}: {self.kind} {name!r} is left out, as the suite has one of that name; rename it"
                )
            elif not re.fullmatch(NAME, name):
                refused[name] = (
                    f"plug-in {who}: {self.kind} {name!r} is left out, as a name begins with a letter or a digit and "
                    "has up to 64 of these and of . _ -"
                )
            elif len(several) > 1:
                usable[name] = InputError(
                    f"plug-ins {who}: each adds a {self.kind} {name!r}, so none is used; uninstall one of them"
                )
            else:
                usable[name] = several[0]
        return _Sorted(usable, refused)

    def _load(self, declared: Declared) -> T | InputError:
        who = f"plug-in {declared.origin}: {self.kind} {declared.name!r} ({declared.value})"
        cure = f"mend or uninstall {declared.origin.distribution}"
        try:
            made = declared.load()
            fits = isinstance(made, self._expected)
            if not fits:
                names = " or ".join(f"{one.__module__}.{one.__qualname__}" for one in self._expected)
                return InputError(f"{who} is to be a {names}, and is a {type(made).__qualname__}; {cure}")
            fault = self._fault(declared.name, made)
        except (Exception, SystemExit) as error:  # another's code: whatever it raises is told of it
            return InputError(f"{who} cannot be imported: {type(error).__name__}: {first_line(error)}; {cure}")
        return InputError(f"{who} is wrong: {fault}; {cure}") if fault else made


@cache
def tell(said: str) -> None:
    """Log a warning, once a process; the command line prints it."""
    _log.warning("%s", sentence(said))


@cache
def _entry_points() -> dict[str, tuple[Declared, ...]]:
    """The entry points of the suite's groups, by group; of a distribution that is found twice, the first counts.

    Distributions are read one by one: a file that cannot be read is one distribution's, and told as such.
    """
    from importlib.metadata import distributions  # takes a while, and few commands need it

    found: dict[str, list[Declared]] = {}
    seen: set[str] = set()
    for distribution in distributions():
        try:
            if GROUP not in (distribution.read_text("entry_points.txt") or ""):
                continue
            origin = Origin(distribution.metadata["Name"], distribution.version)
            if not (re.fullmatch(DISTRIBUTION, origin.distribution) and re.fullmatch(VERSION, origin.version)):
                raise ValueError(f"{str(origin)!r} is no name and version of a package")
            entries = [one for one in distribution.entry_points if one.group.startswith(GROUP)]
        except Exception as error:  # whatever a damaged file makes of it
            tell(f"plug-in in {distribution.locate_file('')}: its metadata cannot be read: {first_line(error)}")
            continue
        if (key := re.sub("[-_.]+", "-", origin.distribution).lower()) not in seen:
            seen.add(key)
            for one in entries:
                found.setdefault(one.group.removeprefix(GROUP), []).append(Declared(origin, one.name, one.value))
    return {group: tuple(declared) for group, declared in found.items()}
