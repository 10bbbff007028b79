"""The fonts of both reports: TrueType outlines only, all from the package index, all embedded."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from suite.errors import InputError
from suite.report.theme import of_theme, theme

BODY_FACES = ("Sans", "Sans-Bold", "Sans-Italic", "Sans-BoldItalic", "Sans-Black")
SERIF_FACES = ("Serif", "Serif-Bold", "Serif-Italic", "Serif-BoldItalic")
FALLBACKS = ("Wide", "Mono")  # DejaVu Sans and DejaVu Sans Mono: wide coverage, for what the others lack


@of_theme
def font_files() -> Mapping[str, Path]:
    """Face name to file: the theme's own, where it names one, or the suite's."""
    return {**_shipped(), **theme().fonts}


@cache
def _shipped() -> Mapping[str, Path]:
    """Source Sans Pro (sans), STIX (serif), DejaVu (samples, and whatever the others lack)."""
    import font_source_sans_pro
    import matplotlib

    sans = {name: Path(path) for name, path in font_source_sans_pro.font_files_ttf.items()}
    shipped = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return MappingProxyType(
        {
            "Sans": sans["SourceSansPro"],
            "Sans-Bold": sans["SourceSansProBold"],
            "Sans-Italic": sans["SourceSansProIt"],
            "Sans-BoldItalic": sans["SourceSansProBoldIt"],
            "Sans-Black": sans["SourceSansProBlack"],
            "Serif": shipped / "STIXGeneral.ttf",
            "Serif-Bold": shipped / "STIXGeneralBol.ttf",
            "Serif-Italic": shipped / "STIXGeneralItalic.ttf",
            "Serif-BoldItalic": shipped / "STIXGeneralBolIta.ttf",
            "Mono": shipped / "DejaVuSansMono.ttf",
            "Mono-Bold": shipped / "DejaVuSansMono-Bold.ttf",
            "Wide": shipped / "DejaVuSans.ttf",
        }
    )


def _faces() -> Mapping[str, Any]:
    return {name: _face(name, path) for name, path in font_files().items()}


@cache
def _face(name: str, path: Path) -> Any:
    """ReportLab's font object, parsed once for all documents of a process. Raises: InputError: it cannot be."""
    from reportlab.pdfbase.ttfonts import TTFError, TTFont

    try:
        return TTFont(name, str(path))
    except TTFError as error:
        raise InputError(f"the face {name} cannot be read from {path}: {error}") from error


def register() -> None:
    """Make the faces known to ReportLab, with their families; z3c.rml forgets them at the start of each document."""
    from reportlab.pdfbase import pdfmetrics

    for face in _faces().values():
        pdfmetrics.registerFont(face)
    for family in ("Sans", "Serif"):
        pdfmetrics.registerFontFamily(family, family, f"{family}-Bold", f"{family}-Italic", f"{family}-BoldItalic")
    pdfmetrics.registerFontFamily("Mono", "Mono", "Mono-Bold", "Mono", "Mono-Bold")
    for single in ("Sans-Black", "Wide"):
        pdfmetrics.registerFontFamily(single, single, single, single, single)


@of_theme
def coverage(face: str) -> frozenset[int]:
    """The code points a face has a glyph for."""
    return frozenset(_face(face, font_files()[face]).face.charToGlyph)


@of_theme
def common_coverage() -> frozenset[int]:
    """The code points that every face of running text has: they may stand anywhere, in bold and in italics."""
    return frozenset.intersection(*map(coverage, BODY_FACES + SERIF_FACES))
