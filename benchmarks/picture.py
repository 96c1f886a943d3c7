"""A picture of the results as SVG: one bar for each variant and page."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.pages import Page
    from benchmarks.result import Row

_WIDTH, _LEFT, _RIGHT = 760, 90, 70
_BAR, _GAP, _HEAD, _TOP = 16, 6, 34, 44
_GREY = "#8a8f98"
_COLORS = {"bare": _GREY, "uvicorn": _GREY, "least": _GREY, "contrib": "#c9772b", "seed": "#b04a5a"}
_OURS = "#2f6fab"
_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#333}.t{font-weight:600}"
    "line{stroke:#ccc}.i{stroke:#333;stroke-width:1.5}"
    "@media(prefers-color-scheme:dark){text{fill:#ddd}line{stroke:#555}.i{stroke:#ddd}}"
)


def draw(results: Sequence[tuple[Page, Sequence[Row]]], rounds: int) -> str:
    """Return an SVG document of the ratios of CPU time to the bare host's.

    Each bar has its value, and a line for the interval of the median. Void rows have neither.
    """
    most = max(row.highest for _, found in results for row in found if not row.void)
    scale = (_WIDTH - _LEFT - _RIGHT) / max(most, 1.0)
    body: list[str] = []
    y = _TOP
    for page, found in results:
        body.append(_text(_LEFT, y + 16, page.title, "t"))
        y += _HEAD - 8
        start = y
        for row in found:
            body += _bar(row, y, scale)
            y += _BAR + _GAP
        x = _LEFT + scale
        body.append(f'<line x1="{x:.1f}" y1="{start}" x2="{x:.1f}" y2="{y - _GAP}"/>')
        y += 14
    title = f"CPU time of a request, divided by the bare host's (medians, {rounds} rounds)"
    return "\n".join(
        (
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y}" '
                f'role="img" aria-label="{escape(title)}">'
            ),
            f"<title>{escape(title)}</title>",
            f"<style>{_STYLE}</style>",
            _text(12, 24, title, "t"),
            *body,
            "</svg>\n",
        )
    )


def _bar(row: Row, y: float, scale: float) -> Iterator[str]:
    middle = y + _BAR / 2
    yield _text(12, y + 13, row.variant)
    if row.void:
        yield _text(_LEFT + 4, y + 13, "void")
        return
    width = row.ratio * scale
    color = _COLORS.get(row.variant, _OURS)
    yield f'<rect x="{_LEFT}" y="{y}" width="{width:.1f}" height="{_BAR}" fill="{color}"/>'
    low, high = _LEFT + row.lowest * scale, _LEFT + row.highest * scale
    yield f'<line class="i" x1="{low:.1f}" y1="{middle}" x2="{high:.1f}" y2="{middle}"/>'
    yield _text(max(_LEFT + width, high) + 6, y + 13, f"{row.ratio:.2f}")


def _text(x: float, y: float, text: str, kind: str = "") -> str:
    name = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{name}>{escape(text)}</text>'
