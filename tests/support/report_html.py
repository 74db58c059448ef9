"""Writes a report, and parses its static tables and figures without its script."""

from html.parser import HTMLParser

from usage_metrics.dates import ONE_DAY
from usage_metrics.report import figures, page, quality
from usage_metrics.report.payload import Payload
from usage_metrics.report.usage_database import Database


def rendered(database: Database, gathered: Payload) -> str:
    """The page of some figures, made on the last day of their span."""
    span = gathered.span
    material = page.Material(
        site="data.example.org",
        logs_of="a Datasette",
        titles={},
        payload=gathered,
        concentration=figures.concentration_of(database, span),
        reconciled=quality.reconciled(database, span),
        versions=quality.versions({}),
        attributions=[],
        made_on=span.stop - ONE_DAY,
    )
    return page.render(material, "0")


class Standing(HTMLParser):
    """Collects the heads and rows of each table and the text of each figure."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.heads: dict[str, list[str]] = {}
        self.figures: dict[str, str] = {}
        self._rows: list[list[str]] | None = None
        self._cell: list[str] | None = None
        self._figure: str | None = None
        self._in_body = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "table" and (name := found.get("data-table")):
            self._rows = self.tables.setdefault(name, [])
            self._heads = self.heads.setdefault(name, [])
        if tag in ("tbody", "tfoot"):
            self._in_body = True
        if tag == "tr" and self._in_body and self._rows is not None:
            self._rows.append([])
        if tag in ("th", "td") and self._rows is not None:
            self._cell = []
        name = found.get("data-figure") or found.get("data-change")
        if name:
            kind = "figure" if "data-figure" in found else "change"
            self._figure = f"{kind} {name}"
            self.figures[self._figure] = ""

    def handle_data(self, data: str) -> None:
        if self._cell is not None:
            self._cell.append(data)
        if self._figure is not None:
            self.figures[self._figure] += data.strip()

    def handle_endtag(self, tag: str) -> None:
        if tag in ("th", "td") and self._cell is not None and self._rows is not None:
            cells = self._rows[-1] if self._in_body else self._heads
            cells.append("".join(self._cell).strip())
            self._cell = None
        if tag in ("span", "td"):
            self._figure = None
        if tag in ("tbody", "tfoot"):
            self._in_body = False
        if tag == "table":
            self._rows = None
