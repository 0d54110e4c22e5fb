"""The retention policy: its file, and its errors."""

from pathlib import Path
from typing import Any

import pytest

from ncfd_site.config.errors import ConfigurationError
from ncfd_site.retention.policy import list_prunables, read_policy


def test_shipped_policy_has_a_rule_for_everything() -> None:
    policy = read_policy()
    assert policy["scores"] == {"keep_daily": 30, "keep_weekly": 52}
    assert set(policy) == {one.name for one in list_prunables()}
    assert "link_reviews" not in {one.table for one in list_prunables()}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("[jobs]", "[job]"), r"section \[job\] is unknown. Remove it"),
        (("[jobs]\nkeep_days = 180", ""), r"section \[jobs\] is missing. Add it"),
        (("keep_weekly = 52", ""), r"\[scores\] must have keep_daily and keep_weekly, and nothing else"),
        (("keep_daily = 30", "keep_daily = -1"), "scores.keep_daily is -1. Write an integer from 0 to"),
        (("keep_daily = 30", "keep_daily = 3.5"), "scores.keep_daily is 3.5. Write an integer from 0 to"),
        (("keep_daily = 30", "keep_daily ="), "Cannot read .*: Invalid value"),
    ],
)
def test_invalid_policy_names_the_place(change: tuple[str, str], problem: str, tmp_path: Path, settings: Any) -> None:
    text = Path(settings.RETENTION_FILE).read_text()
    assert change[0] in text
    path = tmp_path / "retention.toml"
    path.write_text(text.replace(*change))
    with pytest.raises(ConfigurationError, match=problem):
        read_policy(path)
