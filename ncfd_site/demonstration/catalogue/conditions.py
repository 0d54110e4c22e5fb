"""The conditions of the invented trials, with an endpoint and what is usual in each."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition and how a drug is judged in it.

    `gain` is what a trial is planned for: with `is_hazard` a hazard ratio, else a difference of two shares above
    `control_share`. `former` is the endpoint that older protocols had, with its time frame. `failed` says how many of
    how many pivotal trials of the class failed; None where the class does not keep failing.
    """

    key: str
    name: str
    population: str
    outcome: str
    frame: str
    control_share: float
    gain: float
    former: tuple[str, str]
    control: str
    subgroup: str
    is_hazard: bool = False
    is_subjective: bool = False
    failed: tuple[int, int] | None = None


CONDITIONS = {
    condition.key: condition
    for condition in [
        Condition(
            "mdd", "Major Depressive Disorder", "adults with major depressive disorder",
            "A halving of the MADRS score", "6 weeks", 0.34, 0.14,
            ("Change from baseline in MADRS total score", "6 weeks"), "placebo",
            "with melancholic features", is_subjective=True, failed=(11, 17),
        ),
        Condition(
            "migraine", "Chronic Migraine", "adults with chronic migraine",
            "A halving of monthly migraine days", "12 weeks", 0.23, 0.13,
            ("Change from baseline in monthly migraine days", "12 weeks"), "placebo",
            "without earlier preventive treatment", is_subjective=True,
        ),
        Condition(
            "alzheimer", "Early Alzheimer Disease", "adults with early Alzheimer disease",
            "Freedom from worsening on the CDR-SB", "72 weeks", 0.36, 0.12,
            ("Change from baseline in ADAS-Cog 13", "72 weeks"), "placebo",
            "with low tau burden at baseline", failed=(19, 22),
        ),
        Condition(
            "uc", "Ulcerative Colitis", "adults with moderately to severely active ulcerative colitis",
            "Clinical remission", "8 weeks", 0.11, 0.12,
            ("Change from baseline in total Mayo score", "8 weeks"), "placebo",
            "who had not received a biologic before",
        ),
        Condition(
            "ad", "Atopic Dermatitis", "adults with moderate to severe atopic dermatitis",
            "An EASI-75 response", "16 weeks", 0.24, 0.17,
            ("Investigator Global Assessment of 0 or 1", "16 weeks"), "placebo",
            "with high serum periostin",
        ),
        Condition(
            "sle", "Systemic Lupus Erythematosus", "adults with active systemic lupus erythematosus",
            "An SRI-4 response", "52 weeks", 0.40, 0.14,
            ("BICLA response", "52 weeks"), "placebo",
            "with a high interferon signature", failed=(14, 18),
        ),
        Condition(
            "nsclc", "Non-small Cell Lung Cancer", "adults with previously treated non-small cell lung cancer",
            "Progression-free survival", "24 months", 0.25, 0.72,
            ("Overall survival", "36 months"), "standard of care",
            "with NANO1 expression of at least 50%", is_hazard=True,
        ),
        Condition(
            "ovarian", "Platinum-resistant Ovarian Cancer", "women with platinum-resistant ovarian cancer",
            "Progression-free survival", "18 months", 0.20, 0.70,
            ("Overall survival", "30 months"), "standard of care",
            "with high folate receptor expression", is_hazard=True, failed=(9, 12),
        ),
        Condition(
            "t2d", "Type 2 Diabetes", "adults with type 2 diabetes on metformin",
            "An HbA1c below 7%", "26 weeks", 0.28, 0.14,
            ("Change from baseline in HbA1c", "26 weeks"), "placebo",
            "with a baseline HbA1c above 8.5%",
        ),
        Condition(
            "hf", "Heart Failure With Preserved Ejection Fraction",
            "adults with heart failure and preserved ejection fraction",
            "An improvement of 5 points or more on the KCCQ", "24 weeks", 0.41, 0.12,
            ("Change from baseline in peak oxygen uptake", "24 weeks"), "placebo",
            "with an NT-proBNP above 600 pg/mL", is_subjective=True, failed=(8, 10),
        ),
        Condition(
            "copd", "Chronic Obstructive Pulmonary Disease", "adults with COPD and frequent exacerbations",
            "Freedom from moderate or severe exacerbations", "52 weeks", 0.46, 0.11,
            ("Change from baseline in trough FEV1", "24 weeks"), "placebo",
            "with 300 eosinophils per microlitre or more", failed=(7, 9),
        ),
        Condition(
            "ga", "Geographic Atrophy", "adults with geographic atrophy",
            "Absence of a loss of 15 letters or more", "12 months", 0.62, 0.13,
            ("Growth of the atrophic lesion", "12 months"), "sham injection",
            "with non-subfoveal lesions", failed=(8, 10),
        ),
        Condition(
            "hbv", "Chronic Hepatitis B", "adults with chronic hepatitis B",
            "Loss of HBsAg", "48 weeks", 0.04, 0.09,
            ("HBV DNA below the limit of quantification", "24 weeks"), "placebo",
            "with HBsAg below 1,000 IU/mL",
        ),
        Condition(
            "rsv", "Respiratory Syncytial Virus Prevention", "adults of 60 years and older",
            "A fourfold rise of neutralising antibodies", "29 days", 0.31, 0.16,
            ("Geometric mean titre of neutralising antibodies", "29 days"), "placebo",
            "of 75 years and older",
        ),
        Condition(
            "dmd", "Duchenne Muscular Dystrophy", "boys with Duchenne muscular dystrophy who can walk",
            "A stable North Star Ambulatory Assessment", "48 weeks", 0.38, 0.20,
            ("Change from baseline in micro-dystrophin expression", "12 weeks"), "placebo",
            "aged 4 to 6 years", failed=(5, 7),
        ),
        Condition(
            "scd", "Sickle Cell Disease", "people of 12 years and older with sickle cell disease",
            "Freedom from vaso-occlusive crises", "52 weeks", 0.24, 0.17,
            ("Annual rate of vaso-occlusive crises", "52 weeks"), "placebo",
            "on hydroxyurea at baseline",
        ),
    ]
}  # fmt: skip
