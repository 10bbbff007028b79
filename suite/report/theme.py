"""The look of the reports, and whose they are: `templates/theme.yaml`, and a team's own file laid over it.

A process prints with one theme: `use` is called before anything is drawn, or not at all.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Annotated, Any, ParamSpec, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field, field_validator

from suite import declared
from suite.errors import InputError
from suite.paths import TEMPLATES, confined

P = ParamSpec("P")
T = TypeVar("T")
Colour = Annotated[str, Field(pattern="^#[0-9A-Fa-f]{6}$")]
Poster = Annotated[float, Field(ge=24, le=600)]  # points; smaller type cannot be read from where one stands
Paper = Annotated[float, Field(ge=5, le=60)]  # points


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Team(_Part):
    """Who made it; `url` is printed as a QR code too, `logo` is an SVG of outlines, relative to the theme's file."""

    name: str
    authors: tuple[str, ...]
    address: str | None
    event: str | None
    url: Annotated[str, Field(pattern="^https?://[!-~]+$", max_length=300)] | None
    logo: Path | None

    @property
    def byline(self) -> tuple[str, ...]:
        """What stands under the title, piece by piece."""
        pieces = (self.name, ", ".join(self.authors), self.address, self.event)
        return tuple(piece for piece in pieces if piece)


class PosterSizes(_Part):
    """Type sizes of the poster in points, at its printed size."""

    title: Poster
    heading: Poster
    body: Poster
    caption: Poster
    table: Poster
    sample: Poster
    reference: Poster
    figure: Poster


class PaperSizes(_Part):
    """Type sizes of the paper in points."""

    title: Paper
    heading: Paper
    body: Paper
    caption: Paper
    table: Paper
    sample: Paper
    reference: Paper
    figure: Paper


class Sizes(_Part):
    poster: PosterSizes
    paper: PaperSizes


class Theme(_Part):
    """Colours are `#RRGGBB`; `series` is cycled through, `control` is for random pruning.

    `fonts` replaces faces of `suite.report.fonts` by TrueType files, relative to the theme's file.
    """

    title: str
    subtitle: str
    language: str
    team: Team
    colours: dict[str, Colour]
    series: tuple[Colour, ...] = Field(min_length=7)
    control: Colour
    fonts: dict[str, Path]
    sizes: Sizes

    @field_validator("fonts")
    @classmethod
    def _known_faces(cls, fonts: dict[str, Path]) -> dict[str, Path]:
        for face, path in fonts.items():
            if face not in FACES:
                raise ValueError(f"there is no face {face!r}; the faces are {', '.join(FACES)}")
            if not path.is_file() or path.suffix.lower() != ".ttf":
                raise ValueError(f"the face {face} needs a TrueType file (.ttf), and {path} is none")
        return fonts


FACES = (
    *("Sans", "Sans-Bold", "Sans-Italic", "Sans-BoldItalic", "Sans-Black"),
    *("Serif", "Serif-Bold", "Serif-Italic", "Serif-BoldItalic", "Mono", "Mono-Bold", "Wide"),
)
_own: list[Path] = []
_following: list[Callable[[], None]] = []


def of_theme(function: Callable[P, T]) -> Callable[P, T]:
    """Like `functools.cache`, for what follows from the theme in use: forgotten when another is."""
    kept = cache(function)
    _following.append(kept.cache_clear)
    return cast(Callable[P, T], kept)


def use(path: Path | None) -> None:
    """Print with this theme file, laid over the suite's own: it need only say what differs.

    Raises:
        InputError: the file is not there, or has a key or a value a theme does not.
    """
    _own[:] = [path] if path else []
    for forget in _following:
        forget()
    theme()


@of_theme
def theme() -> Theme:
    """The theme in use. Raises: InputError: see `use`."""
    data, positions = declared.load(TEMPLATES / "theme.yaml")
    data = _placed(data, TEMPLATES, positions)
    for path in _own:
        own, positions = declared.load(path)
        data = _over(data, _placed(own, path.parent, positions)) if isinstance(own, dict) else own
    return declared.parse(Theme, data, positions, "a theme")


def _over(base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """The base with what the other says, key by key."""
    both = [key for key in own if isinstance(base.get(key), dict) and isinstance(own[key], dict)]
    return base | own | {key: _over(base[key], own[key]) for key in both}


def _placed(data: dict[str, Any], folder: Path, positions: declared.Positions) -> dict[str, Any]:
    """Paths in a theme start at its file, and lead no further than a manifest's may."""

    def placed(named: Any, *where: str) -> Any:
        try:
            return confined(folder / named, folder) if isinstance(named, str) else named
        except InputError as error:
            raise InputError(f"{positions.at(where)}: {error}") from error

    found = dict(data)
    if isinstance(team := found.get("team"), dict) and "logo" in team:
        found["team"] = team | {"logo": placed(team["logo"], "team", "logo")}
    if isinstance(fonts := found.get("fonts"), dict):
        found["fonts"] = {face: placed(named, "fonts", face) for face, named in fonts.items()}
    return found


def blend(low: str, high: str, share: float) -> str:
    """The colour `share` (0 to 1, clipped) of the way from one `#RRGGBB` to another."""
    share = min(max(share, 0.0), 1.0)
    start, end = (tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5)) for colour in (low, high))
    return "#" + "".join(f"{round(a + (b - a) * share):02X}" for a, b in zip(start, end, strict=True))
