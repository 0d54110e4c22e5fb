"""Comparison of two folders of pictures by pixels, and its report."""

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Literal

from PIL import Image, ImageChops

# A channel of a pixel may differ by this much of 255, and this share of the pixels by more.
CHANNEL_TOLERANCE = 24
SHARE_TOLERANCE = 0.0005
MARK = (220, 0, 90)
PALE = 0.25

Result = Literal["changed", "new", "missing", "same"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One picture by name; `share` is that of its pixels that differ."""

    name: str
    result: Result
    share: float = 0


def compare_pictures(accepted: Path, taken: Path, differences: Path) -> list[Comparison]:
    """Compare the pictures of two folders by name, and write a picture of the differences of each that has changed."""
    compared = [
        _compare_picture(name, accepted / name, taken / name, differences / name)
        for name in sorted({file.name for folder in (accepted, taken) for file in folder.glob("*.png")})
    ]
    order: tuple[Result, ...] = ("changed", "new", "missing", "same")
    return sorted(compared, key=lambda one: (order.index(one.result), -one.share, one.name))


def _compare_picture(name: str, accepted: Path, taken: Path, difference: Path) -> Comparison:
    if not accepted.exists():
        return Comparison(name, "new", 1)
    if not taken.exists():
        return Comparison(name, "missing", 1)
    # Most are the same file.
    if accepted.read_bytes() == taken.read_bytes():
        return Comparison(name, "same")
    before, after = Image.open(accepted).convert("RGB"), Image.open(taken).convert("RGB")
    # What one picture has beyond the edges of the other differs in any color.
    size = (max(before.width, after.width), max(before.height, after.height))
    mask = Image.new("L", size, 255)
    shared = (min(before.width, after.width), min(before.height, after.height))
    bands = ImageChops.difference(before.crop((0, 0, *shared)), after.crop((0, 0, *shared))).split()
    largest = ImageChops.lighter(ImageChops.lighter(bands[0], bands[1]), bands[2])
    mask.paste(largest.point(lambda value: 255 if value > CHANNEL_TOLERANCE else 0))
    share = mask.histogram()[255] / (size[0] * size[1])
    if share <= SHARE_TOLERANCE:
        return Comparison(name, "same", share)
    paper = Image.new("RGB", size, "white")
    pale = paper.copy()
    pale.paste(after)
    difference.parent.mkdir(parents=True, exist_ok=True)
    Image.composite(Image.new("RGB", size, MARK), Image.blend(paper, pale, PALE), mask).save(difference)
    return Comparison(name, "changed", share)


def write_report(report: Path, compared: Iterable[Comparison], problems: Iterable[str]) -> None:
    """Write a page with the accepted, the taken and the differing picture of each name, what has changed first."""
    rows = "".join(
        f'<section class="{one.result}"><h2>{escape(one.name)}: {one.result}'
        f"{f', {one.share:.2%} of the pixels' if one.result == 'changed' else ''}</h2><div>"
        + "".join(
            f'<figure><figcaption>{folder}</figcaption><a href="{folder}/{one.name}">'
            f'<img src="{folder}/{one.name}" loading="lazy" alt=""></a></figure>'
            for folder in ("accepted", "taken", "differences")
            if (report.parent / folder / one.name).exists()
        )
        + "</div></section>"
        for one in compared
    )
    listed = "".join(f"<li>{escape(problem)}</li>" for problem in problems)
    report.write_text(
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Pictures of the pages</title><style>'
        "body{font:14px system-ui;margin:24px}"
        "h2{font-size:14px}section>div{display:flex;gap:8px}figure{margin:0;flex:1}"
        "img{max-width:100%;border:1px solid #ccc}.same>div{max-width:50%}</style>"
        f"<h1>Pictures of the pages</h1><ul>{listed}</ul>{rows}</html>",
        encoding="utf-8",
    )
