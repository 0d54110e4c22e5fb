"""The command score_trials as the tests run it, and what it left in the database."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from signals.models import Gate, Score


def score_trials(*arguments: str) -> str:
    out = StringIO()
    call_command("score_trials", *arguments, stdout=out)
    return out.getvalue()


def refused(*arguments: str) -> tuple[int, str]:
    with pytest.raises(CommandError) as found:
        score_trials(*arguments)
    return found.value.returncode, str(found.value)


def stored() -> list[Any]:
    fields = [field.attname for field in Score._meta.fields if field.attname != "score_id"]
    gates = [field.attname for field in Gate._meta.fields]
    return [*Score.objects.order_by("trial_id", "run_id").values(*fields), *Gate.objects.order_by("pk").values(*gates)]
