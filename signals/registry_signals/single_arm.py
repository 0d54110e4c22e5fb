"""Reasons for which a single arm in a phase 3 trial is no warning: the trial is an extension, or it may have no choice.

The words are those of the record: titles, conditions, interventions, ages and primary outcomes.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

_FLAGS = re.IGNORECASE | re.VERBOSE
_EXTENSION = re.compile(
    r"""\b(extension | roll-?\ ?over | long-?\ ?term | ole | follow-?\ ?up\ study | continu(ation|ed|ing)
        | previously\ (enrolled|treated|participated)
        | (completed|from|who\ participated\ in)\ (a\ )?(previous|prior|parent)
        | switch(ing|ed)?\ (from|to|directly) | expanded\ access
        | \d\d-?\ ?(week|month)\ (open-?\ ?label\ )?safety)\b""",
    _FLAGS,
)
_GENE_OR_CELL = re.compile(
    r"""\b(gene\ (therapy|transfer|editing) | crispr | car[\ -]?t | (stem|t|islet)[\ -]cells? | autologous | allogeneic
        | cell\ therapy | \w+parvovec | \w+leucel | \w+temcel | exa-?cel | \w{3,}gene\ \w+vec)\b""",
    _FLAGS,
)
_RARE = re.compile(
    r"""\b(rare | orphan | ultra-?rare | hereditary | familial | congenital | inborn | inherited | genetic
        | monogenic | ha?emophilia | von\ willebrand | \w*thalass?a?emia | sickle\ cell | spinal\ muscular
        | muscular\ atrophy | (muscular|myotonic)\ dystrophy | duchenne | huntington\w* | cystic\ fibrosis
        | phenylketonuria | homocystinuria | osteogenesis\ imperfecta | epidermolysis | \w*chondroplasia
        | prader-willi | angelman | rett | dravet | lennox-gastaut | fabry | gaucher | pompe
        | mucopolysaccharidosis | lysosomal | niemann-pick | batten | amyloidosis
        | pulmonary\ (arterial\ )?hypertension | myasthenia | neuromyelitis | amyotrophic | guillain-barr\S+
        | ha?emolytic\ (uremic|uraemic|anemia|anaemia) | paroxysmal\ nocturnal | c3g | glomerulopathy
        | lipodystrophy | porphyria | urea\ cycle | friedreich | mitochondrial | leukodystrophy
        | immunodeficiency | neuroblastoma | retinoblastoma | lymphatic\ malformations? | hypophosphat\w+
        | (\w+ase|enpp1|antitrypsin)\ deficiency | alveolar\ proteinosis | chylomicrona?emia | non-24\S*
        | acromegaly | cushing\S* | sarcoidosis | immune\ thrombocytopenia\w* | thrombotic\ microangiopathy
        | behcet\S* | beh\u00e7et\S* | polycythemia
        | annuali[sz]ed\ bleeding | hammersmith | wiskott\S* | tma)\b""",
    _FLAGS,
)
_CHILDREN = re.compile(
    r"\b(pa?edi\w* | child(ren|hood)? | adolescents? | infants? | neonat\w+ | newborns? | juvenile | toddlers?)\b",
    _FLAGS,
)
_BRIDGING = re.compile(
    r"""\b(bridging | (japanese|chinese|korean|taiwanese|indian|asian|russian|vietnamese)\ (\w+\ ){0,3}
        (participants|patients|subjects|adults|population|men|women|children|volunteers)
        | (participants|patients|subjects|adults)\ (\w+\ ){0,4}in\ (japan|china|korea|taiwan|india|russia))\b""",
    _FLAGS,
)
_DIAGNOSTIC = re.compile(
    r"""\b(imaging | pet(/ct)? | contrast | diagnostic | gold\ standard | standard\ of\ (truth|reference) | sensitivity
        | specificity | radiotracer | scintigraphy)\b""",
    _FLAGS,
)
_EXPOSURE = re.compile(
    r"""\b(safe(ty)? | adverse | toxicit(y|ies) | toxic | tolerab\w+ | pharmacokinetics?
        | pk | concentrations? | auc | cmax | area\ under
        | exposure | immunogenicity | antibod(y|ies) | titers? | neutrali[sz]\w+ | serious | reactions
        | reactogenicity | solicited | events?\ leading | (t?e?)?aes? | saes?)\b""",
    _FLAGS,
)
_CANCER = re.compile(
    r"\b\w*(cancer|carcinoma|tumou?r|lymphoma|leuk[ae]+mia|melanoma|myeloma|sarcoma|neoplas|glioma)", _FLAGS
)


def explain_extension(about: Mapping[str, Any], status: str) -> str:
    """Return why the trial is an extension of earlier ones or open by invitation only; "" if it is not."""
    if status == "ENROLLING_BY_INVITATION":
        return "It enrolls by invitation only, as extensions of earlier trials do"
    found = _EXTENSION.search(_get_title(about))
    return f'Its title has "{found[0]}": an extension or a study of long-term use has no control arm' if found else ""


def explain_necessity(about: Mapping[str, Any], endpoint: str | None, purpose: str) -> str:
    """Return why a randomized trial may not be possible or usual; "" if the record shows no reason."""
    title, conditions = _get_title(about), _join(about.get("conditions"))
    named = f"{title}; {_join(about.get('interventions'))}"
    if "GENETIC" in (about.get("types") or []):
        return "gene therapy"
    ages = about.get("ages")
    if ages == ["CHILD"]:
        return "children only"
    for pattern, texts, reason in (
        (_GENE_OR_CELL, f"{named}; {endpoint or ''}", "gene or cell therapy"),
        (_RARE, f"{title}; {conditions}; {endpoint or ''}", "rare or inherited disease"),
        (_CHILDREN, f"{title}; {conditions}", "pediatric study"),
        (_BRIDGING, title, "bridging study in one country"),
        (_DIAGNOSTIC, f"{title}; {endpoint or ''}", "diagnostic agent"),
    ):
        if found := pattern.search(texts):
            return f'{reason} ("{found[0]}")'
    if purpose == "DIAGNOSTIC":
        return "diagnostic purpose"
    outcome = (endpoint or "").partition("\n")[0]
    if _EXPOSURE.search(outcome) and not _CANCER.search(f"{title}; {conditions}"):
        return "its first primary outcome measures safety or exposure"
    return ""


def _get_title(about: Mapping[str, Any]) -> str:
    title = about.get("title")
    return title if isinstance(title, str) else ""


def _join(values: Any) -> str:
    listed: Sequence[Any] = values if isinstance(values, list) else []
    return "; ".join(value for value in listed if isinstance(value, str))
