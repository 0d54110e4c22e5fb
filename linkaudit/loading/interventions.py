"""Registered interventions that are assets: drugs, not controls, care, arms, examinations or exercise."""

import re

from linkaudit.asset_names import core_name, normalize_name

# Registry types of drugs; "" is a record without a type.
DRUG_TYPES = frozenset({"DRUG", "BIOLOGICAL", ""})
# The registry's own limit is 200.
MAX_LENGTH = 500

# A name with such a word is a control.
_CONTROL = re.compile(r"\b(placebos?|sham|vehicle|dummy)\b")

# Whole names of what is given with, or instead of, the drug under study.
_CARE = re.compile(
    r"""(the\ |local\ |current\ |institutional\ |best\ )*
        (standard(\ of)?|usual|supportive|conventional|routine|normal|regular|medical|traditional)[ -]
        (medical\ |clinical\ |supportive\ |of[ -])*
        (care|therapy|therapies|treatments?|practice|management)
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
    r"""(sterile\ |normal\ |isotonic\ |physiologic(al)?\ |0\.9\ ?%\ |(phosphate[ -])?buffered\ )*
        (saline|sodium\ chloride|nacl)
        ([ ,]+(0\.9\ ?%|\(0\.9\ ?%(\ nacl|\ sodium\ chloride)?\)|\(nss?\)|\(pbs\)|\d+\ ?ml|solution|injection|infusion
            |control|iv|for\ injection))*
        | (sterile\ )?water(\ for\ injection)? | pbs | dextrose\ 5\ ?%(\ in\ water)? | 5\ ?%\ dextrose""",
    re.VERBOSE,
)
# A name of an arm: "Treatment A" of two trials is not one drug.
_ARM = re.compile(
    r"""(treatment|group|arm|cohort|regimen|part|period|stage|dose|product|formulation|vaccine|drug|therapy|intervention)
        [ -]?([a-z]|\d{1,2}|[ivx]{1,4})
        | (the\ )?(intervention(al)?|treatment|experimental|study|test|active|investigational|trial)
          (\ (group|arm|drug|product|treatment|medication|intervention|vaccine|agent))*
        | (control|study|intervention|experimental|treatment)\ group:.*
        | (oral|subcutaneous|intravenous|intramuscular|intravitreal)?\ ?(injections?|infusions?|tablets?|capsules?|dose)
        | (low|mid|middle|medium|high)[ -]dose
        | (chemotherapy|multi-?drug|current|baseline|stable)\ regimen(\ \w)?""",
    re.VERBOSE,
)

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
        | diet | feeding | system | tool | technique | method | programm?e? | positions?)\b  # codespell:ignore
        | (?<![\w-])app(?![\w-])""",
    re.VERBOSE,
)
# Signs of a drug in spite of such a word: a strength, a route, or a company's code.
_DRUG = re.compile(
    r"""\b(mg|mcg|intravitreal|inject\w+|drug|gene\ therapy|vaccine|inhibitor|antibod(y|ies)|eluting|ophthalmic
        |coated)\b | \b[a-z]{2,6}-?\d{3,}""",
    re.VERBOSE,
)


def is_asset(name: str, kind: str) -> bool:
    """Return whether an intervention of that name and registry type ("" for none) is a drug or biologic."""
    core = core_name(name)
    if kind not in DRUG_TYPES or len(name) > MAX_LENGTH or not _has_name(core):
        return False
    if _CONTROL.search(core) or any(form.fullmatch(core) for form in (_CARE, _NOTHING, _SALINE, _ARM)):
        return False
    # A registry type outranks the list of words.
    return bool(kind) or not _NO_DRUG.search(core) or bool(_DRUG.search(normalize_name(name)))


def _has_name(core: str) -> bool:
    # At least two characters with a letter, or a code of two numbers such as 10-1074.
    return len(core) > 1 and re.search(r"[^\W\d_]|\d{2,}-\d{2,}", core) is not None
