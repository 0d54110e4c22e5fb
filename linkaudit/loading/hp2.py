"""Heuristic HP-2: an alias of an asset equals an intervention that the registry lists for a trial.

Registered interventions that are no assets are controls, care, arms, examinations and exercise.
"""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from linkaudit.asset_names import extract_core_name, normalize_name
from linkaudit.loading.assets import find_or_add_assets
from ncfd_site.core import sql
from ncfd_site.ingest.batches import Counts, Stage, dump_json
from storage.loading import Mention, RegistryDocument

HEURISTIC = "HP-2"
CONFIDENCE = "0.95"
LINK_TYPE = "intervention_of_trial"
ALIAS_SOURCE = "ClinicalTrials.gov"
# In `document_links`: the document is the record of this trial, which needs no review.
RECORD_LINK = "registry_record"
# The number is an earlier one of the trial of the record.
ALIAS_LINK = "registry_alias"

# Registry types of drugs; "" is a record without a type.
DRUG_TYPES = frozenset({"DRUG", "BIOLOGICAL", ""})
# The registry's own limit is 200.
MAX_LENGTH = 500

# A name with such a word is a control.
_CONTROL = re.compile(r"\b(placebos?|sham|mock|vehicle|dummy)\b")

# Whole names of what is given with, or instead of, the drug under study.
_CARE = re.compile(
    r"""(the\ |local\ |current\ |institutional\ |best\ )*
        (standard(\ of)?|usual(\ &\ customary)?|supportive|conventional|routine|normal|regular|medical
        |traditional)[ -]
        (medical\ |clinical\ |supportive\ |of[ -])*
        (care|therapy|therapies|treatments?|practice|management|medicines?|medications?|regimens?|antibiotics?)
        (\ \(?(soc|bsc|tau|uc|control|group|arm|only|alone)\)?)*""",
    re.VERBOSE,
)
_NOTHING = re.compile(
    r"""\(?(no|non|without)[ -](intervention|treatment|drug|therapy|medication|vaccine|prophylaxis)s?\)?
        | (clinical\ )?(observation|observational)(\ (only|alone|arm|group|period))?
        | watchful\ waiting | watch\ and\ wait | (active\ )?surveillance | follow[ -]?up | untreated
        | (active\ |no\ |negative\ |positive\ )?(control|comparator)s?(\ (group|arm|treatment|drug))?
        | wait[ -]?list(\ control)? | (treatment|care)\ as\ usual | soc | bsc | tau | not\ applicable | none | n/?a
        | background\ (therapy|treatment|medication|regimen)
        | (treatment|therapy)\ of\ (physician|investigator)'?s'?\ choice
        | (physician|investigator)'?s'?\ choice(\ of\ .*)? | best\ available\ (therapy|treatment)""",
    re.VERBOSE,
)
_SALINE = re.compile(
    r"""(sterile,?\ |unpreserved\ |preservative-free\ |normal\ |isotonic\ |physiologic(al)?\ |0\.9\ ?%[ ]
        |(phosphate[ -])?buffered\ )*
        (saline|sodium\ chloride|nacl)
        ([ ,]+(0\.9\ ?%|\(0\.9\ ?%(\ nacl|\ sodium\ chloride)?\)|\(nss?\)|\(pbs\)|\d+\ ?ml|-\ day\ \d+|solution
        |injection|infusion
            |control|iv|for\ injection))*
        | (sterile\ )?water(\ for\ injection)? | pbs | dextrose\ 5\ ?%(\ in\ water)? | 5\ ?%\ dextrose""",
    re.VERBOSE,
)
# Classes of drugs or procedures, without a drug: these are no names.
_CLASS = re.compile(
    r"""(physician'?s?'?\ choice\ |standard\ |conventional\ |adjuvant\ |neoadjuvant\ |combination\ |systemic[ ]
        |intensive\ |post-\w+[ ]
        |chronic\ |salvage\ |pain\ |first[ -]line\ |second[ -]line\ |maintenance\ |background\ |investigational\ )*
        (chemoradiation|chemoradiotherapy|immunotherapy|hormone\ therapy|hormonal\ therapy|radiation
        |art|arv|haart
        |(antiretroviral|arv|lipid-modifying|immunomodulatory|corticosteroid|lymphodepletion|salvage|pain|drug
        |dietary)
         (\ \(\w+\))?\ (therapy|treatment|regimens?|combinations?|intervention)|phase\ \d|salvage\ therapy|medication)
        (\ \(?\w{2,5}\)?)?""",
    re.VERBOSE,
)
# A name of an arm: "Treatment A" of two trials is not one drug.
_ARM = re.compile(
    r"""(treatment|group|arm|cohort|regimen|part|period|stage|dose|product|formulation|vaccine|drug|therapy
        |intervention)
        [ -]?([a-z]|\d{1,2}|[ivx]{1,4})
        | (the\ )?(intervention(al)?|treatment|experimental|study|test|active|investigational|trial)
          (\ (group|arm|drug|product|treatment|medication|intervention|vaccine|agent))*
        | (control|study|intervention|experimental|treatment)\ group:.*
        | (oral|subcutaneous|intravenous|intramuscular|intravitreal)?\ ?(injections?|infusions?|tablets?|capsules?
        |dose)
        | (low|mid|middle|medium|high)[ -]dose
        | (chemotherapy|multi-?drug|current|baseline|stable)\ regimen(\ \w)?""",
    re.VERBOSE,
)

# Examinations in every record, also of the type "drug".
_EXAMINATION = re.compile(r"\b(blood (samples?|sampling|draws?|collection)|pregnancy test)\b")
# Examinations and procedures without a drug, as whole words. Records use both spellings.
_NO_DRUG = re.compile(
    r"""\b(questionnaires? | surveys? | interviews? | biospecimen | biopsy | pregnancy\ test | genetic\ testing
        | (quality[ -]of[ -]life|laboratory\ biomarker|pharmacological|biomarker)\ (assessment|analysis|study)
        | blood\ (samples?|sampling|draw|collection) | pharmacokinetics? | qt\ interval | electrocardiogra\w+ | ecg
        | magnetic\ resonance | mri | ultrasound | ultrasonography | tomography | scan | imaging | tests? | testing
        | exercises? | training | education(al)? | counsell?ing | rehabilitation | massage | yoga | workshop
        | physiotherapy | physical\ therapy | acupuncture | mindfulness | meditation | psychotherapy
        | (cognitive\ )?behaviou?ral\ (therapy|intervention|activation)  # codespell:ignore
        | (text|educational)\ messages?
        | surgery | surgical | mastectomy | (gastric\ )?bypass | resection | (chemo)?radiotherapy | radiosurgery
        | (proton|radiation)\ (therapy|treatment) | irradiation | sbrt | brachytherapy | stimulation | tdcs | tms
        | device | applicator | (dental|zygomatic)\ implants? | implant\ (placement|bed) | prosthes[ie]s | denture
        | abutments? | stent | catheter(?!\ lock) | laser | laryngeal\ mask | mask | ventilation
        | (mobile|smartphone|web)\ application | virtual\ reality | telehealth | telemedicine | video | chatbot
        | (stem\ cell|uterine|lung|kidney|liver|marrow|organ)\ transplant(ation)? | appliance | graft | iol | iud
        | implantation\ of | band\ and\ loop | beam\ therapy | advice
        | thinking | perception | visualization | scaling | \w+plasty | \w+ectomy | \w+otomy | alert
        | response\ treatment
        | tavr | filter | kangaroo\ care | novottf-\w+ | provision\ of | headphones? | dietary | seasoning
        | fractionation
        | elastomeric | orthodontic | periodontal | price | shunt | score | visits? | care\ intervention
        | rpms\ intervention
        | mobile | website | internet | exposure\ to | behaviors? | lifestyle | cognitive | psycho\w*education
        | walking | breathing | sleep\ hygiene | coaching | support\ group | monitoring | screening | reminders?
        | vouchers?
        | incentives? | money | cash | school | community | nurs(e|ing) | pharmacist | laparoscop\w+ | endoscop\w+
        | suture\w* | needle | pump\ therapy | splint | brace | bandage | dressing | lens(es)? | glasses | crowns?
        | implants? | screws? | plates? | composite | restoration | sealant | bracket | aligners? | toothbrush
        | mouthguard
        | auto-?injector\ device | hypothermia | cryotherapy | compression | oxygen\ flow | cpap | games? | app-based
        | diet | feeding | system | tool | technique | method | programm?e? | positions?)\b  # codespell:ignore
        | (?<![\w-])app(?![\w-])""",
    re.VERBOSE,
)
# Signs of a drug in spite of such a word: a strength, a route, or a company's code.
_DRUG = re.compile(
    r"""\b(mg|mcg|intravitreal|injections?|injectable|drug(?!\ level)|gene\ therapy|vaccine|inhibitor|antibod(y
        |ies)|eluting|ophthalmic
        |coated|\w{3,}(mab|inib|cept|limus))\b | \b[a-z]{2,6}-?\d{3,}""",
    re.VERBOSE,
)
_NAME = re.compile(r"[^\W\d_]|\d{2,}-\d{2,}")

_STAGE = Stage(
    "load_proposal",
    {"doc_id": "bigint", "asset_id": "bigint", "nct_id": "text", "position": "integer", "evidence": "jsonb"},
)
# A link that was proposed once for an asset and a trial, from any version of the record, stays unchanged.
_PROPOSE = """
INSERT INTO link_audit (doc_id, asset_id, nct_id, link_type, heuristic_applied, confidence, evidence_jsonb)
SELECT doc_id, asset_id, nct_id, %(link_type)s, %(heuristic)s, %(confidence)s, evidence
FROM (SELECT DISTINCT ON (asset_id, nct_id) * FROM load_proposal ORDER BY asset_id, nct_id, position) first
WHERE NOT EXISTS (SELECT FROM link_audit known WHERE known.nct_id = first.nct_id
                  AND known.asset_id = first.asset_id AND known.heuristic_applied = %(heuristic)s)
ORDER BY doc_id, position
"""
_LINK_RECORDS = """
INSERT INTO document_links (doc_id, nct_id, link_type, confidence)
SELECT doc_id, nct_id, %s, 1.00 FROM unnest(%s::bigint[], %s::text[]) AS listed (doc_id, nct_id)
"""


def is_asset(name: str, kind: str) -> bool:
    """Return whether an intervention of that name and registry type ("" for none) is a drug or biologic."""
    core = extract_core_name(name)
    # A name has at least two characters with a letter, or is a code of two numbers such as 10-1074.
    if kind not in DRUG_TYPES or len(name) > MAX_LENGTH or len(core) < 2 or not _NAME.search(core):
        return False
    if (
        _CONTROL.search(core)
        or _EXAMINATION.search(core)
        or any(form.fullmatch(core) for form in (_CARE, _NOTHING, _SALINE, _ARM, _CLASS))
    ):
        return False
    # A registry type outranks the list of words.
    return bool(kind) or not _NO_DRUG.search(core) or bool(_DRUG.search(normalize_name(name)))


def propose_links(documents: Sequence[RegistryDocument]) -> Counts:
    """Link new records to their trials, and propose a link for each drug of a trial's record, once per trial."""
    new = [document for document in documents if document.is_new]
    if new:
        doc_ids, nct_ids = [document.doc_id for document in new], [document.nct_id for document in new]
        sql.execute(_LINK_RECORDS, [RECORD_LINK, doc_ids, nct_ids])
    if former := [(document.doc_id, alias) for document in new for alias in document.former_ids]:
        sql.execute(_LINK_RECORDS, [ALIAS_LINK, *map(list, zip(*former, strict=True))])
    drugs = [
        (document, mention)
        for document in documents
        for mention in document.mentions
        if is_asset(mention.name, mention.kind)
    ]
    if not drugs:
        return Counter()
    assets = find_or_add_assets([mention.name for _, mention in drugs], ALIAS_SOURCE)
    staged = _STAGE.fill(
        (
            document.doc_id,
            assets.by_name[mention.name],
            document.nct_id,
            position,
            dump_json(_build_evidence(document, mention)),
        )
        for position, (document, mention) in enumerate(drugs)
    )
    parameters = {"link_type": LINK_TYPE, "heuristic": HEURISTIC, "confidence": CONFIDENCE}
    added = sql.execute(_PROPOSE, parameters)
    return Counter(
        {("assets", "added"): assets.added, ("links", "added"): added, ("links", "unchanged"): staged - added}
    )


def _build_evidence(document: RegistryDocument, mention: Mention) -> dict[str, Any]:
    """Return the quote with its position, and the version of the record."""
    return {
        "quote": mention.name,
        "page_no": mention.page_no,
        "char_start": mention.char_start,
        "char_end": mention.char_end,
        "matched_alias": extract_core_name(mention.name) or normalize_name(mention.name),
        "intervention_type": mention.kind or "not stated",
        "nct_id": document.nct_id,
        "registry": "ClinicalTrials.gov",
        "registry_version": document.version,
        "last_update_posted": document.last_update_posted,
        "source_url": document.source_url,
    }
