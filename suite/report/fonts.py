"""The fonts of both reports: TrueType outlines only, all from the package index, all embedded."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

BODY_FACES = ("Sans", "Sans-Bold", "Sans-Italic", "Sans-BoldItalic", "Sans-Black")
SERIF_FACES = ("Serif", "Serif-Bold", "Serif-Italic", "Serif-BoldItalic")
FALLBACKS = ("Wide", "Mono")  # DejaVu Sans and DejaVu Sans Mono: wide coverage, for what the others lack


@cache
def font_files() -> Mapping[str, Path]:
    """Face name to file: Source Sans Pro (sans), STIX (serif), DejaVu (samples, and whatever the others lack)."""
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


@cache
def _faces() -> Mapping[str, Any]:
    """ReportLab's font objects, parsed once for all documents of a process."""
    from reportlab.pdfbase.ttfonts import TTFont

    return {name: TTFont(name, str(path)) for name, path in font_files().items()}


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


@cache
def coverage(face: str) -> frozenset[int]:
    """The code points a face has a glyph for."""
    return frozenset(_faces()[face].face.charToGlyph)


@cache
def common_coverage() -> frozenset[int]:
    """The code points that every face of running text has: they may stand anywhere, in bold and in italics."""
    return frozenset.intersection(*map(coverage, BODY_FACES + SERIF_FACES))
