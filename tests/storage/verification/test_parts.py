"""Results of parts of a verification, as they are stored."""

import json
from collections import Counter

from storage.verification.passes import Page, PageResult


def test_a_stored_page_is_read_back_with_the_objects_of_unavailable_stores() -> None:
    page = Page(7, 3, 2, PageResult(recent_count=1, skipped=Counter({"s3": 128})))
    assert Page.from_json(json.loads(json.dumps(page.as_json()))) == page
