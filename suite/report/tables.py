"""A table that was declared once, set in RML, in HTML, and in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from markupsafe import Markup
from reportlab.pdfbase.pdfmetrics import stringWidth

from suite.analysis.values import NotMeasured
from suite.records.schema import Interval
from suite.report.fonts import register
from suite.report.format import FormatError, Missing, harm, shade
from suite.report.glyphs import clip
from suite.report.medium import HTML, RML, Medium
from suite.report.section import Column, Table

DASH = "–"
LONGEST = 60  # characters of a text in a cell
PADDING = 5.0  # points left and right of a cell's text together, one of them to spare: what just fits would wrap
NARROWEST = 34.0  # points of a column of text that gives way to the others
SHADES = 10  # steps of the background of a cell of the page


def text(column: Column[Any], row: Any) -> str:
    """What a cell says; `Missing` where it was not measured."""
    value = column.value(row)
    if isinstance(value, NotMeasured):
        return Missing(value.reason)
    if value is None:
        return DASH
    if isinstance(value, Interval):
        if column.show is None:
            raise FormatError(f"column {column.title!r} has no format for an interval")
        return f"{column.show(value.low)}{DASH}{column.show(value.high)}"
    if column.show is not None:
        return column.show(value)
    if not isinstance(value, str):
        raise FormatError(f"{value!r} in column {column.title!r} has no format")
    return value if isinstance(value, Markup) else clip(value, LONGEST)


def number(column: Column[Any], row: Any) -> float | None:
    """What a cell is sorted by; None where it has no number."""
    value = column.value(row)
    value = value.low if isinstance(value, Interval) else value
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def grouped(table: Table[Any, Any], rows: Sequence[Any]) -> Iterator[tuple[str | None, list[Any]]]:
    """The rows, those of one model together under its name."""
    if table.by is None:
        yield None, list(rows)
        return
    for name, own in groupby(rows, key=table.by):
        yield name, list(own)


# RML


def rml(table: Table[Any, Any], found: Any, width: float, size: float, most: int | None = None) -> Markup:
    """The table as RML, its columns as wide as what is in them, `width` points in all.

    Args:
        size: of its type, in points.
        most: rows at most.
    """
    columns, rows = list(table.columns(found)), list(table.rows(found))[:most]
    said = [[text(column, row) for column in columns] for row in rows]
    titles, widths = _fit(columns, said, width, size)
    body, spans, at = [_head(columns, titles)], [], 1
    for name, own in grouped(table, rows):
        if name is not None:
            body.append(_group(name, len(columns)))
            spans.append(Markup('<blockSpan start="0,{0}" stop="-1,{0}"/>').format(at))
            at += 1
        body += [_row(columns, row) for row in own]
        at += len(own)
    style = Markup('<blockTableStyle id="own">{}</blockTableStyle>').format(Markup("").join(spans)) if spans else ""
    listed = ",".join(f"{one:.2f}" for one in widths)
    opened = Markup('<blockTable style="tab" colWidths="{}" repeatRows="1">').format(listed)
    return opened + style + Markup("").join(body) + Markup("</blockTable>")


def _head(columns: Sequence[Column[Any]], titles: Sequence[str]) -> Markup:
    cells = (
        Markup('<td><para style="{}">{}</para></td>').format("thl" if c.show is None else "th", RML.printable(title))
        for c, title in zip(columns, titles, strict=True)
    )
    return Markup("<tr>{}</tr>").format(Markup("").join(cells))


def _group(name: str, columns: int) -> Markup:
    return Markup('<tr><td><para style="tdl"><b>{}</b></para></td>{}</tr>').format(
        RML.printable(name), Markup("<td/>") * (columns - 1)
    )


def _row(columns: Sequence[Column[Any]], row: Any) -> Markup:
    return Markup("<tr>{}</tr>").format(Markup("").join(_cell(column, row) for column in columns))


def _cell(column: Column[Any], row: Any) -> Markup:
    style = "tdl" if column.show is None else "td"
    value = column.value(row)
    ground = Markup("")
    if column.worst is not None and value is not None:
        ground = Markup(' background="{}"').format(shade(value, column.worst))
    return Markup('<td{}><para style="{}">{}</para></td>').format(ground, style, _set(column, row, RML))


def _set(column: Column[Any], row: Any, medium: Medium) -> Markup:
    said = text(column, row)
    if isinstance(said, Markup):
        return said
    return medium.missing(said.reason) if isinstance(said, Missing) else medium.printable(said)


def _fit(
    columns: Sequence[Column[Any]], said: Sequence[Sequence[str]], width: float, size: float
) -> tuple[list[str], list[float]]:
    """The titles, short ones where the table would be too wide, and the widths of the columns.

    The first column of text gives way, and breaks its lines, where there is no room otherwise.
    """
    register()
    cells = [
        max((stringWidth(row[i], "Sans", size) for row in said), default=0.0) + PADDING for i in range(len(columns))
    ]

    def of(titles: Sequence[str]) -> list[float]:
        heads = [stringWidth(title, "Sans-Bold", 0.94 * size) + PADDING for title in titles]
        return [max(pair) for pair in zip(cells, heads, strict=True)]

    titles = [column.title for column in columns]
    widths = of(titles)
    if sum(widths) > width:
        titles = [column.short or column.title for column in columns]
        widths = of(titles)
    words = [i for i, column in enumerate(columns) if column.show is None]
    for i in sorted(words, key=lambda i: -widths[i]):
        if (over := sum(widths) - width) > 0:
            widths[i] = max(NARROWEST, widths[i] - over)
    if (left := width - sum(widths)) > 0:
        share = left / len(widths)
        return titles, [one + share for one in widths]
    if sum(widths) > width + 0.5:  # the layout says by how much a table is too wide
        return titles, widths
    return titles, [one * width / sum(widths) for one in widths]


# HTML


def html(table: Table[Any, Any], found: Any, caption: Markup) -> Markup:
    """The table as HTML, which can be sorted where it has no groups."""
    columns, rows = list(table.columns(found)), list(table.rows(found))
    head = Markup("").join(
        Markup('<th scope="col"{}>{}</th>').format(_kind(column), HTML.printable(column.title)) for column in columns
    )
    body = []
    for name, own in grouped(table, rows):
        if name is not None:
            span = Markup('<tr class="group"><th scope="colgroup" colspan="{}">{}</th></tr>')
            body.append(span.format(len(columns), HTML.printable(name)))
        body += [Markup("<tr>{}</tr>").format(_html_row(columns, row)) for row in own]
    sort = Markup(" data-sort") if table.by is None and len(rows) > 1 else Markup("")
    return Markup(
        '<div class="scroll" role="group" tabindex="0" aria-labelledby="table-{key}"><table{sort} id="{key}-table">'
        '<caption id="table-{key}"><span>{caption}</span></caption><thead><tr>{head}</tr></thead>'
        "<tbody>{body}</tbody></table></div>"
    ).format(key=table.key, sort=sort, caption=caption, head=head, body=Markup("").join(body))


def _kind(column: Column[Any]) -> Markup:
    return Markup("") if column.show is None else Markup(' class="n"')


def _html_row(columns: Sequence[Column[Any]], row: Any) -> Markup:
    first, *others = (_html_cell(column, row) for column in columns)
    return Markup('<th scope="row"{0}>{1}</th>').format(*first) + Markup("").join(
        Markup("<td{0}>{1}</td>").format(*cell) for cell in others
    )


def _html_cell(column: Column[Any], row: Any) -> tuple[Markup, Markup]:
    """The attributes and the content of a cell."""
    classes = [] if column.show is None else ["n"]
    value = column.value(row)
    if column.worst is not None and value is not None:
        share = harm(value, column.worst)
        classes.append("missing" if share is None else f"shade-{round(share * SHADES)}")
    attributes = Markup(' class="{}"').format(" ".join(classes)) if classes else Markup("")
    if (by := number(column, row)) is not None:
        attributes += Markup(' data-value="{:.7g}"').format(by)
    return attributes, _set(column, row, HTML)


# Words


def words(table: Table[Any, Any], found: Any, most: int = 24) -> str:
    """The table read aloud, as plain text that shows: each row by its first column, then what the others say."""
    columns, rows = list(table.columns(found)), list(table.rows(found))
    lines = []
    for name, own in grouped(table, rows[:most]):
        group = f"{_plain(name)}, " if name else ""
        lines += [f"{group}{_read(columns, row)}" for row in own]
    left = len(rows) - len(rows[:most])
    return " ".join(lines + ([f"And {left} more rows."] if left > 0 else []))


def _read(columns: Sequence[Column[Any]], row: Any) -> str:
    first, *others = columns
    said = ", ".join(f"{column.title.lower()} {_plain(text(column, row))}" for column in others)
    return f"{_plain(text(first, row))}: {said}."


def _plain(said: str) -> str:
    return (said if isinstance(said, Markup) else HTML.printable(said)).striptags()
