"""The invented drugs, from `drugs.csv`.

Two makers call a drug of theirs MX-210: what a registry names by that code alone is taken for the older one of the
two, so that some proposals are wrong for a reason that a reviewer can find.
"""

from dataclasses import dataclass
from pathlib import Path

from ncfd_site.demonstration.catalogue.companies import MAKERS, Maker
from ncfd_site.demonstration.catalogue.table import rows_of


@dataclass(frozen=True, slots=True)
class Drug:
    """A drug: who makes it, its names, and what it is said to be.

    `form` is the strength that a registry record may add to its name, `programme` the name of its trials.
    """

    key: str
    maker: str
    inn: str
    code: str
    brand: str
    modality: str
    target: str
    moa: str
    form: str
    programme: str
    other_codes: str

    @property
    def title(self) -> str:
        """The INN at the beginning of a sentence."""
        return self.inn[0].upper() + self.inn[1:]

    @property
    def company(self) -> Maker:
        """Who makes it."""
        return MAKERS[self.maker]

    @property
    def registered_type(self) -> str:
        """What the registry calls such an intervention."""
        return "DRUG" if self.modality in ("small molecule", "peptide") else "BIOLOGICAL"

    @property
    def names(self) -> list[str]:
        """Every name of it, INN first."""
        return [name for name in (self.inn, self.code, self.brand, self.other_codes) if name]

    @property
    def description(self) -> str:
        """What it is, such as "an antibody (target: PD-L9; checkpoint inhibitor)"."""
        article = "an" if self.modality[0] in "aeiou" else "a"
        return f"{article} {self.modality} (target: {self.target}; {self.moa})"


DRUGS = {row["key"]: Drug(**row) for row in rows_of(Path(__file__).with_name("drugs.csv"))}
