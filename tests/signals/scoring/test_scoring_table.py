"""The scoring table: its contents and the errors of an invalid one."""

from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from unittest import mock

import pytest
from django.test import Client
from django.urls import reverse

from ncfd_site.config.errors import ConfigurationError
from ncfd_site.core.roles import Role
from signals.scoring.run import score_trials
from signals.scoring.table import PATH, read_table, scoring_table
from tests import factories

CONDITION = '{ field = "signals.S1.metadata.after_last_patient_randomised", is = true }'


def test_table_has_the_ratios_of_the_contract() -> None:
    table = scoring_table()
    assert table.version == "2026-11"
    assert table.freeze_days == 14
    assert table.floor == Decimal("0.97")
    assert table.ratios["G1"] == {"H": Decimal("5.0"), "M": Decimal("3.5"), "L": Decimal("2.0")}
    assert {code: set(table.ratios[code].values()) for code in ("G2", "G3", "G4")} == {
        "G2": {Decimal("3.0")},
        "G3": {Decimal("4.2")},
        "G4": {Decimal("2.5")},
    }
    assert set(table.rules) == {"endpoint_switched", "per_protocol_only", "open_label_subjective"}
    assert table.priors["PHASE2"] == Decimal("0.71")


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ('version = "2026-11"', "version = 2026", "version must be a text"),
        ('version = "2026-11"', "", "version is missing: add it"),
        ('version = "2026-11"', 'version = "1"\nextra = 1', "extra is unknown: remove it"),
        ("freeze_days = 14", "freeze_days = 1.5", "freeze_days must be a whole number"),
        ("freeze_days = 14", "freeze_days = -1", "freeze_days must be a whole number"),
        ("stop_floor = 0.97", "stop_floor = 97", "stop_floor is 97: it must be a number from 0 to 1"),
        ("PHASE2 = 0.71", "PHASE2 = 0.999", "priors.PHASE2 is 0.999: it must be a number from 0.01 to 0.99"),
        ("PHASE2 = 0.71", "PHASE2 = nan", "priors.PHASE2 is NaN"),
        ("PHASE2 = 0.71", "PHASE2 = true", "priors.PHASE2 is True"),
        ("G2 = 3.0", "G2 = 11", "ratios.G2.H is 11: it must be a number from 0.25 to 10"),
        ("G2 = 3.0", "", "ratios must have a ratio for each of G1, G2, G3, G4"),
        ("G2 = 3.0", "G2 = { H = 3.0 }", "ratios.G2 must be a number, or one for each of H, M, L"),
        ('code = "endpoint_switched"', 'code = "per_protocol_only"', "stop_rule has a duplicate code"),
        ('code = "endpoint_switched"', 'code = "Endpoint!"', "stop_rule 1.code must be a name"),
        (CONDITION, CONDITION.replace("S1", "S0"), "write signals.S1.metadata.NAME or card.NAME"),
        (CONDITION, CONDITION.replace("is", "equals"), "that is not `field` and one of is,"),
        (CONDITION, CONDITION.replace("is = true", "is = 1"), "must be true, false or a text"),
        (CONDITION, CONDITION.replace("is = true", "over = true"), "it must be a number"),
        (CONDITION, CONDITION.replace("is = true", 'matches = "("'), "must be a regular expression"),
        (CONDITION, CONDITION + ', { field = "card.a", is = true }', "of one signal or of one card"),
        ("[priors]", "[priors", "Cannot read table.toml"),
        ("freeze_days = 14", f"freeze_days = {'9' * 5000}", "Cannot read table.toml"),
        ("PHASE2 = 0.71", "PHASE2 = 1e99999999999999999999", "Cannot read table.toml"),
        ("PHASE2 = 0.71", f"PHASE2 = {'[' * 100_000}", "Cannot read table.toml"),
        ("PHASE2 = 0.71", "PHASE2 = 1e400", "priors.PHASE2 is 1E+400"),
        ("PHASE2 = 0.71", "PHASE2 = 0.71\nPHASE2 = 0.71", "Cannot read table.toml"),
    ],
)
def test_invalid_table_names_the_key(tmp_path: Path, before: str, after: str, problem: str) -> None:
    text = PATH.read_text()
    assert before in text
    path = tmp_path / "table.toml"
    path.write_text(text.replace(before, after, 1))
    with pytest.raises(ConfigurationError) as error:
        read_table(path)
    assert problem in str(error.value)
    assert "table.toml" in str(error.value)


def test_missing_or_binary_file_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "table.toml"
    with pytest.raises(ConfigurationError, match=r"Cannot read table\.toml: .*No such file.* Correct the file\.$"):
        read_table(path)
    path.write_bytes(b"\xff")
    with pytest.raises(ConfigurationError, match=r"Cannot read table\.toml"):
        read_table(path)


def test_changed_table_has_a_new_version() -> None:
    # Update version and digest together when the table changes.
    table = scoring_table()
    assert (table.version, sha256(repr(table).encode()).hexdigest()[:12]) == ("2026-11", "0f488dbb5d94")


@pytest.mark.django_db
def test_pattern_that_the_database_rejects_is_named(tmp_path: Path) -> None:
    path = tmp_path / "table.toml"
    path.write_text(PATH.read_text().replace(r"matches = '^\s*[<≤]", r"matches = '(?P<sign>[<≤])", 1))
    with (
        mock.patch("signals.scoring.run.scoring_table", return_value=read_table(path)),
        pytest.raises(ConfigurationError) as error,
    ):
        score_trials("one")
    message = str(error.value)
    assert message.startswith(
        "scoring_table.toml: stop_rule per_protocol_only compares card.results.per_protocol.p_value"
    )
    assert "invalid regular expression" in message
    assert message.endswith("Correct the pattern.")


@pytest.mark.django_db
@pytest.mark.parametrize("role", [Role.REVIEWER, Role.ANALYST, Role.OPERATOR])
def test_table_is_shown_in_the_admin(client: Client, role: Role) -> None:
    client.force_login(factories.make_user(role))
    page = client.get(reverse("admin:signals_score_table")).content.decode()
    for text in ("2026-11", "PHASE2/PHASE3", "G1 Alpha-Meltdown", "high 5.0 (ln +1.609)", "per_protocol_only", "42%"):
        assert text in page
    listing = client.get(reverse("admin:signals_score_changelist")).content.decode()
    assert reverse("admin:signals_score_table") in listing
