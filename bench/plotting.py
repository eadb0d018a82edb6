"""Cost against the length of the log, as SVG: both axes logarithmic, so that flat is flat and linear is a diagonal."""

import math
from collections.abc import Mapping, Sequence
from html import escape

_WIDTH, _HEIGHT = 860, 460
_LEFT, _RIGHT, _TOP, _BOTTOM = 80, 300, 30, 50
_COLORS = ("#0969da", "#cf222e", "#1a7f37", "#8250df", "#bc4c00", "#57606a", "#0550ae", "#a40e26")


def plot(series: Mapping[str, Sequence[tuple[int, float]]], title: str) -> str:
    """Name → (events, seconds), as a whole SVG document."""
    points = [point for line in series.values() for point in line]
    first, last = (math.floor(math.log10(min(x for x, _ in points))), math.ceil(math.log10(max(x for x, _ in points))))
    low, high = (math.floor(math.log10(min(y for _, y in points))), math.ceil(math.log10(max(y for _, y in points))))

    def place(events: float, seconds: float) -> tuple[float, float]:
        across = (math.log10(events) - first) / max(1, last - first)
        up = (math.log10(seconds) - low) / max(1, high - low)
        return _LEFT + across * (_WIDTH - _LEFT - _RIGHT), _HEIGHT - _BOTTOM - up * (_HEIGHT - _TOP - _BOTTOM)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" '
        f'font-size="13"><rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>'
        f'<text x="{_LEFT}" y="18" font-weight="bold">{escape(title)}</text>'
    ]
    for power in range(first, last + 1):
        x, bottom = place(10**power, 10**low)
        _, top = place(10**power, 10**high)
        parts.append(f'<line x1="{x:.1f}" y1="{bottom:.1f}" x2="{x:.1f}" y2="{top:.1f}" stroke="#d0d7de"/>')
        parts.append(f'<text x="{x:.1f}" y="{bottom + 18:.1f}" text-anchor="middle">{10**power:,}</text>')
    for power in range(low, high + 1):
        left, y = place(10**first, 10.0**power)
        right, _ = place(10**last, 10.0**power)
        parts.append(f'<line x1="{left:.1f}" y1="{y:.1f}" x2="{right:.1f}" y2="{y:.1f}" stroke="#d0d7de"/>')
        parts.append(f'<text x="{left - 8:.1f}" y="{y + 4:.1f}" text-anchor="end">{_seconds(10.0**power)}</text>')
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    parts.append(f'<text x="{middle:.1f}" y="{_HEIGHT - 10}" text-anchor="middle">events in the log</text>')
    for number, (name, line) in enumerate(series.items()):
        color = _COLORS[number % len(_COLORS)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*point) for point in line))
        parts.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{color}"/>' for x, y in (place(*p) for p in line)]
        top = _TOP + 12 + 20 * number
        parts.append(
            f'<rect x="{_WIDTH - _RIGHT + 20}" y="{top - 10}" width="12" height="12" fill="{color}"/>'
            f'<text x="{_WIDTH - _RIGHT + 38}" y="{top}">{escape(name)}</text>'
        )
    return "\n".join([*parts, "</svg>", ""])


def _seconds(value: float) -> str:
    return f"{value:g} s" if value >= 1 else f"{value * 1000:g} ms" if value >= 1e-3 else f"{value * 1e6:g} µs"
