"""The table of priors, ratios and stop rules: what it holds, and what is said of one that is wrong."""

from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from unittest import mock

import pytest
from django.test import Client
from django.urls import reverse

from ncfd_site.config.errors import ConfigurationError
from ncfd_site.core.roles import Role
from signals.scoring.run import score
from signals.scoring.table import PATH, read_table, scoring_table
from tests import factories

CONDITION = '{ field = "signals.S1.metadata.after_last_patient_randomised", is = true }'


def test_it_holds_the_ratios_of_the_contract() -> None:
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
    ("before", "after", "said"),
    [
        ('version = "2026-11"', "version = 2026", "version has to be a text"),
        ('version = "2026-11"', "", "version is missing: add it"),
        ('version = "2026-11"', 'version = "1"\nextra = 1', "extra is unknown: take it out"),
        ("freeze_days = 14", "freeze_days = 1.5", "freeze_days has to be a whole number"),
        ("freeze_days = 14", "freeze_days = -1", "freeze_days has to be a whole number"),
        ("stop_floor = 0.97", "stop_floor = 97", "stop_floor is 97: it has to be a number from 0 to 1"),
        ("PHASE2 = 0.71", "PHASE2 = 0.999", "priors.PHASE2 is 0.999: it has to be a number from 0.01 to 0.99"),
        ("PHASE2 = 0.71", "PHASE2 = nan", "priors.PHASE2 is NaN"),
        ("PHASE2 = 0.71", "PHASE2 = true", "priors.PHASE2 is True"),
        ("G2 = 3.0", "G2 = 11", "ratios.G2.H is 11: it has to be a number from 0.25 to 10"),
        ("G2 = 3.0", "", "ratios has to give a ratio for each of G1, G2, G3, G4"),
        ("G2 = 3.0", "G2 = { H = 3.0 }", "ratios.G2 has to be a number, or one for each of H, M, L"),
        ('code = "endpoint_switched"', 'code = "per_protocol_only"', "stop_rule holds a code twice"),
        ('code = "endpoint_switched"', 'code = "Endpoint!"', "stop_rule 1.code has to be a name"),
        (CONDITION, CONDITION.replace("S1", "S0"), "write signals.S1.metadata.NAME or card.NAME"),
        (CONDITION, CONDITION.replace("is", "equals"), "that is not `field` and one of is,"),
        (CONDITION, CONDITION.replace("is = true", "is = 1"), "has to be true, false or a text"),
        (CONDITION, CONDITION.replace("is = true", "over = true"), "it has to be a number"),
        (CONDITION, CONDITION.replace("is = true", 'matches = "("'), "has to be a regular expression"),
        (CONDITION, CONDITION + ', { field = "card.a", is = true }', "of one signal or of one card"),
        ("[priors]", "[priors", "cannot be read"),
        ("freeze_days = 14", f"freeze_days = {'9' * 5000}", "cannot be read"),
        ("PHASE2 = 0.71", "PHASE2 = 1e99999999999999999999", "cannot be read"),
        ("PHASE2 = 0.71", f"PHASE2 = {'[' * 100_000}", "cannot be read"),
        ("PHASE2 = 0.71", "PHASE2 = 1e400", "priors.PHASE2 is 1E+400"),
        ("PHASE2 = 0.71", "PHASE2 = 0.71\nPHASE2 = 0.71", "cannot be read"),
    ],
)
def test_a_table_that_is_wrong_is_refused_with_the_key(tmp_path: Path, before: str, after: str, said: str) -> None:
    text = PATH.read_text()
    assert before in text
    path = tmp_path / "table.toml"
    path.write_text(text.replace(before, after, 1))
    with pytest.raises(ConfigurationError) as refused:
        read_table(path)
    assert said in str(refused.value)
    assert str(refused.value).startswith("table.toml")


def test_a_file_that_is_no_text_or_is_not_there_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "table.toml"
    with pytest.raises(ConfigurationError, match=r"table\.toml cannot be read: .*No such file.* Mend the file\.$"):
        read_table(path)
    path.write_bytes(b"\xff")
    with pytest.raises(ConfigurationError, match=r"table\.toml cannot be read"):
        read_table(path)


def test_another_table_has_another_version() -> None:
    # Whoever changes the table changes the version too, and then this line.
    table = scoring_table()
    assert (table.version, sha256(repr(table).encode()).hexdigest()[:12]) == ("2026-11", "16b84d6424b8")


@pytest.mark.django_db
def test_a_pattern_that_only_the_database_refuses_is_named(tmp_path: Path) -> None:
    path = tmp_path / "table.toml"
    path.write_text(PATH.read_text().replace(r"matches = '^\s*[<≤]", r"matches = '(?P<sign>[<≤])", 1))
    with (
        mock.patch("signals.scoring.run.scoring_table", return_value=read_table(path)),
        pytest.raises(ConfigurationError) as refused,
    ):
        score("one")
    said = str(refused.value)
    assert said.startswith("scoring_table.toml: stop_rule per_protocol_only compares card.results.per_protocol.p_value")
    assert "invalid regular expression" in said
    assert said.endswith("write it otherwise.")


@pytest.mark.django_db
@pytest.mark.parametrize("role", [Role.REVIEWER, Role.ANALYST, Role.OPERATOR])
def test_people_read_it_in_the_admin(client: Client, role: Role) -> None:
    client.force_login(factories.make_user(role))
    page = client.get(reverse("admin:signals_score_table")).content.decode()
    for told in ("2026-11", "PHASE2/PHASE3", "G1 Alpha-Meltdown", "high 5.0 (ln +1.609)", "per_protocol_only", "42%"):
        assert told in page
    listing = client.get(reverse("admin:signals_score_changelist")).content.decode()
    assert reverse("admin:signals_score_table") in listing
