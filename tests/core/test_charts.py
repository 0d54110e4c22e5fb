"""Positions of the marks of charts."""

from datetime import date
from decimal import Decimal

from ncfd_site.core.charts.bars import BarItem, DivergingItem, build_bar_chart, build_diverging_bar_chart
from ncfd_site.core.charts.intervals import Estimate, IntervalItem, build_interval_chart, build_interval_column_chart
from ncfd_site.core.charts.line import LineItem, build_line_chart
from ncfd_site.core.charts.series import SeriesItem, build_series_chart, render_sparkline
from ncfd_site.core.charts.timeline import TimelineItem, build_timeline
from ncfd_site.core.charts.waterfall import WaterfallItem, build_waterfall


def percentage(text: str) -> float:
    return float(text.removesuffix("%"))


def test_bars_are_as_long_as_their_values() -> None:
    items = [BarItem(str(value), value, str(value), []) for value in (0, 5, 10)]
    chart = build_bar_chart("name", "Title", [], items, separator="limit", separator_index=1)
    # An item without a value is in the table only.
    assert [bar.width for bar in chart.bars] == ["50.00%", "100.00%"]
    assert (chart.separator_y or 99) < chart.bars[0].text_y
    assert chart.height > chart.bars[-1].bar_y
    assert (chart.items, chart.only) == (items, None)
    assert build_bar_chart("name", "Title", [], items[:2]).only == items[1]
    assert build_bar_chart("name", "Title", [], []).bars == []


def test_series_have_their_values_at_the_mark() -> None:
    values = (3, None, 8, 0, 0, 0, 2)
    items = [SeriesItem(f"day {index}", value, f"{value} jobs") for index, value in enumerate(values)]
    chart = build_series_chart("name", "Title", ("Day", "Jobs"), items)
    assert [column.item.label for column in chart.columns] == [f"day {index}" for index in (0, 2, 3, 4, 5, 6)]
    assert {column.item.text: column.text_y == column.y for column in chart.columns if column.text_y is not None} == {
        "8 jobs": True,
        "2 jobs": True,
    }
    assert (chart.last, chart.sentence) == (items[-1], "")
    assert chart.spark.count(",") == 6
    rates = [SeriesItem(str(value), value, "", Estimate(value, value - 0.1, value + 0.05)) for value in (0.5, 0.9)]
    assert [column.low > column.y > column.high for column in build_series_chart("", "", ("", ""), rates).columns] == [
        True,
        True,
    ]


def test_a_series_of_rates_may_be_zero_after_an_unknown_period() -> None:
    items = [SeriesItem("1", None, ""), *(SeriesItem(day, 0.0, "0 %", Estimate(0.0, 0.0, 0.3)) for day in ("2", "3"))]
    assert [column.item.label for column in build_series_chart("", "", ("", ""), items).columns] == ["2", "3"]


def test_a_series_of_one_value_is_a_sentence() -> None:
    items = [SeriesItem(str(day), value, f"{value} jobs") for day, value in enumerate((0, 5, 0))]
    assert build_series_chart("", "", ("", ""), items).sentence == "5 jobs (1); nothing else from 0 to 2."
    assert build_series_chart("", "", ("", ""), items[:1]).sentence == "Nothing from 0 to 0."
    assert build_series_chart("", "", ("", ""), []).columns == ()
    assert render_sparkline([1, 1, None]) == ""


def test_diverging_bars_share_one_scale() -> None:
    first, second = build_diverging_bar_chart([DivergingItem("a", 10, 0), DivergingItem("b", 0, 5)]).bars
    assert (first.left_x, first.left_width, first.right_width) == ("8.00%", "42.00%", None)
    assert (second.left_width, second.right_width) == (None, "21.00%")
    assert build_diverging_bar_chart([DivergingItem("a", 0, 0)]).bars[0].left_number_x == "49.00%"


def test_intervals_are_marked_by_their_side_of_the_threshold() -> None:
    estimates = [Estimate(0.99, 0.96, 1), Estimate(0.95, 0.9, 0.99), Estimate(0.2, 0.1, 0.3), None]
    items = [IntervalItem(str(index), "", estimate) for index, estimate in enumerate(estimates)]
    rows = build_interval_chart(items, 0.95)
    assert [row.shape for row in rows.rows] == ["above", "across", "below", None]
    assert percentage(rows.rows[2].low) < percentage(rows.rows[2].x) < percentage(rows.rows[2].high)
    columns = build_interval_column_chart(items, 0.95)
    assert [column.label for column in columns.columns] == ["0", "1", "2"]
    assert columns.columns[0].high < columns.columns[0].y < columns.columns[0].low
    assert build_interval_column_chart([], 0.95).columns == []


def test_line_charts_run_from_left_to_right() -> None:
    values = (Decimal("0.2"), Decimal("0.9"), Decimal("0.9"))
    items = [LineItem(str(index), value, "", "", index == 1) for index, value in enumerate(values)]
    points = build_line_chart(items, (0, Decimal("0.75"))).points
    assert [point.x for point in points] == ["2.00%", "45.00%", "88.00%"]
    assert points[0].y > points[1].y == points[2].y
    assert (points[1].previous_x, points[1].previous_y) == (points[0].x, points[0].y)
    assert [point.x for point in build_line_chart(items[:1], ()).points] == ["45.00%"]


def test_waterfall_bars_continue_from_each_other() -> None:
    changes = [(Decimal(0), Decimal(-2)), (Decimal(-2), Decimal(3))]
    chart = build_waterfall([WaterfallItem("", *change, "", "gate") for change in changes], str)
    first, second = chart.bars
    assert (first.direction, second.direction) == ("down", "up")
    assert first.end_x == second.x
    assert chart.ticks[0].label == "-2"
    assert [tick.is_zero for tick in chart.ticks].count(True) == 1
    assert (chart.ticks[0].anchor, chart.ticks[-1].anchor) == ("start", "end")


def test_timelines_include_today_and_a_full_year() -> None:
    today = date(2026, 3, 1)
    item = TimelineItem("A", "", "", date(2026, 2, 28), today, is_filled=True)
    timeline = build_timeline([item, TimelineItem("B", "", "", None, None, is_filled=False)], today, today)
    assert timeline is not None
    assert [tick.label for tick in timeline.ticks] == ["2026"]
    assert timeline.mark_x == timeline.rows[1].width == "100.00%"
    assert percentage(timeline.rows[0].x) + percentage(timeline.rows[0].width) <= 100.01
    assert build_timeline([], today, today) is None
