"""Registry records in the format of the ClinicalTrials.gov API; all values are invented."""

import gzip
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

Json = dict[str, Any]


def study(number: int = 1, **modules: Json | None) -> Json:
    """Return a phase 3 study; keyword arguments replace modules, None omits one."""
    protocol: Json = {
        "identificationModule": {"nctId": f"NCT{number:08}", "briefTitle": f"Study {number} of examplumab"},
        "statusModule": {
            "overallStatus": "RECRUITING",
            "startDateStruct": {"date": "2024-01-15"},
            "primaryCompletionDateStruct": {"date": "2026-09", "type": "ESTIMATED"},
            "studyFirstPostDateStruct": {"date": "2023-12-01"},
            "lastUpdatePostDateStruct": {"date": "2024-05-01"},
        },
        "sponsorCollaboratorsModule": {"leadSponsor": {"name": "Example Therapeutics, Inc.", "class": "INDUSTRY"}},
        "conditionsModule": {"conditions": ["Example Disease", "Other Disease"]},
        "designModule": {
            "studyType": "INTERVENTIONAL",
            "phases": ["PHASE3"],
            "designInfo": {"allocation": "RANDOMIZED", "maskingInfo": {"masking": "DOUBLE"}},
            "enrollmentInfo": {"count": 400, "type": "ESTIMATED"},
        },
        "armsInterventionsModule": {
            "armGroups": [
                {"label": "Examplumab arm", "type": "EXPERIMENTAL", "interventionNames": ["Drug: Examplumab"]}
            ],
            "interventions": [{"type": "DRUG", "name": "Examplumab"}, {"type": "DRUG", "name": "Placebo"}],
        },
        "outcomesModule": {"primaryOutcomes": [{"measure": "Overall survival", "timeFrame": "24 months"}]},
    }
    protocol |= modules
    return {"protocolSection": {name: module for name, module in protocol.items() if module is not None}}


def interventions(*named: str | tuple[str, str]) -> Json:
    """Return an arms and interventions module from names or (type, name) pairs."""
    listed = [{"name": one} if isinstance(one, str) else {"type": one[0], "name": one[1]} for one in named]
    return {"interventions": listed}


def sponsor(name: str | None) -> Json:
    """Return a sponsor module."""
    return {"leadSponsor": {"name": name} if name else {"class": "OTHER"}}


def status(**fields: Any) -> Json:
    """Return a status module with overall status and last update."""
    posted = fields.pop("posted", None)
    return {**({"lastUpdatePostDateStruct": {"date": posted}} if posted else {}), **fields}


def jsonl(path: Path, records: Iterable[Mapping[str, Any] | str]) -> Path:
    """Write JSON lines; texts are written unchanged, to test invalid lines."""
    lines = (one if isinstance(one, str) else json.dumps(one) for one in records)
    data = "".join(f"{line}\n" for line in lines).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path
