"""The comparison of pictures: tolerance, sizes, new and missing ones, and the report."""

from pathlib import Path

from PIL import Image

from tests.visual.comparison import CHANNEL_TOLERANCE, Comparison, compare_pictures, write_report
from tests.visual.pictures import PAGES, find_pages_without_picture


def draw(folder: Path, name: str, color: int = 255, size: tuple[int, int] = (100, 100), dots: int = 0) -> None:
    folder.mkdir(exist_ok=True)
    picture = Image.new("RGB", size, (color, color, color))
    for x in range(dots):
        picture.putpixel((x, 0), (0, 0, 0))
    picture.save(folder / f"{name}.png")


def test_pictures_are_compared_by_pixels(tmp_path: Path) -> None:
    accepted, taken, differences = (tmp_path / name for name in ("accepted", "taken", "differences"))
    draw(accepted, "gone")
    draw(taken, "added")
    for name, changes in {
        "equal": {},
        "paler": {"color": 255 - CHANNEL_TOLERANCE},
        "darker": {"color": 254 - CHANNEL_TOLERANCE},
        "five-dots": {"dots": 5},
        "six-dots": {"dots": 6},
        "longer": {"size": (100, 150)},
    }.items():
        draw(accepted, name)
        draw(taken, name, **changes)  # type: ignore[arg-type]
    compared = compare_pictures(accepted, taken, differences)
    assert compared == [
        Comparison("darker.png", "changed", 1.0),
        Comparison("longer.png", "changed", 1 / 3),
        Comparison("six-dots.png", "changed", 0.0006),
        Comparison("added.png", "new", 1),
        Comparison("gone.png", "missing", 1),
        Comparison("five-dots.png", "same", 0.0005),
        Comparison("equal.png", "same"),
        Comparison("paler.png", "same"),
    ]
    assert sorted(file.name for file in differences.iterdir()) == ["darker.png", "longer.png", "six-dots.png"]
    with Image.open(differences / "six-dots.png") as marked:
        assert [marked.getpixel((x, 0)) for x in (5, 6)] == [(220, 0, 90), (255, 255, 255)]

    write_report(tmp_path / "index.html", compared, ["/x/ is 380 pixels wide"])
    page = (tmp_path / "index.html").read_text()
    assert "darker.png: changed, 100.00% of the pixels" in page
    assert page.count('<img src="differences/') == 3
    assert "<li>/x/ is 380 pixels wide</li>" in page


def test_pages_without_a_picture_are_found() -> None:
    names = [page.name for page in PAGES]
    assert len(names) == len(set(names))
    patterns = {page.pattern for page in PAGES}
    assert set(find_pages_without_picture(patterns - {"/jobs/"})) - set(find_pages_without_picture(patterns)) == {
        "/jobs/"
    }
