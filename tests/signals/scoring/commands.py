"""Helpers that run score_trials and read the stored rows."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from signals.models import Gate, Score


def run_command(*arguments: str) -> str:
    out = StringIO()
    call_command("score_trials", *arguments, stdout=out)
    return out.getvalue()


def fail_command(*arguments: str) -> tuple[int, str]:
    with pytest.raises(CommandError) as error:
        run_command(*arguments)
    return error.value.returncode, str(error.value)


def stored_rows() -> list[Any]:
    fields = [field.attname for field in Score._meta.fields if field.attname != "score_id"]
    gates = [field.attname for field in Gate._meta.fields]
    return [*Score.objects.order_by("trial_id", "run_id").values(*fields), *Gate.objects.order_by("pk").values(*gates)]
