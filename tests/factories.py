"""Rows for tests: each function makes one, with what it needs, and everything can be given otherwise.

Users have roles: rita reviews, adam adjudicates, olga operates, ana analyzes; guest has none.
"""

import hashlib
import itertools
from datetime import UTC, datetime
from typing import Any

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, User
from django.utils import timezone

from linkaudit.models import Asset, AssetAlias, LinkAudit
from ncfd_site.core import sql
from ncfd_site.core.roles import Role, create_groups
from securities.models import Company
from signals.models import Study, Trial
from storage.models import Document, DocumentTextPage, StorageObject

USERNAMES = {Role.REVIEWER: "rita", Role.ADJUDICATOR: "adam", Role.OPERATOR: "olga", Role.ANALYST: "ana"}
PASSWORD = "correct horse battery staple"
POSTED = datetime(2024, 3, 1, 12, 0, tzinfo=UTC)

_numbers = itertools.count(1)


def make_user(role: Role | str | None = Role.REVIEWER, username: str = "", **fields: Any) -> User:
    """Create a user of a group (None: of no group) who may sign in to the admin; the password is PASSWORD."""
    role = None if role is None else Role(role)
    username = username or (USERNAMES[role] if role else "guest")
    user = User.objects.create(username=username, password=make_password(PASSWORD), **{"is_staff": True, **fields})
    if role is not None:
        if not Group.objects.filter(name=role.value).exists():
            create_groups()
        user.groups.add(Group.objects.get(name=role.value))
    return user


def make_company(**fields: Any) -> Company:
    """Make a company with a CIK of its own."""
    number = next(_numbers)
    name = fields.setdefault("name", f"Company {number} Inc.")
    return Company.objects.create(**{"cik": 1_000_000 + number, "name_norm": name.lower().rstrip("."), **fields})


def make_trial(**fields: Any) -> Trial:
    """Make a phase 3 trial with a number of its own, from a range that no test names."""
    number = next(_numbers)
    return Trial.objects.create(
        **{
            "nct_id": f"NCT6{number:07}",
            "sponsor_text": "Example Therapeutics",
            "phase": "PHASE3",
            "indication": "Psoriasis",
            "is_pivotal": True,
            "status": "RECRUITING",
            "last_seen_at": POSTED,
            **fields,
        }
    )


def make_storage_object(content: bytes = b"", **fields: Any) -> StorageObject:
    """Make a stored object; without content of its own it gets content that nothing else has."""
    content = content or f"content {next(_numbers)}".encode()
    sha256 = hashlib.sha256(content).hexdigest()
    return StorageObject.objects.create(
        **{
            "sha256": sha256,
            "storage_uri": f"local://{sha256}",
            "backend_type": "local",
            "tier": "local",
            "size_bytes": len(content),
            **fields,
        }
    )


def make_document(*pages: str, **fields: Any) -> Document:
    """Make a document with these pages of text, numbered from 1; none for a document that was never read."""
    number = next(_numbers)
    document = Document.objects.create(
        **{
            "source_type": Document.SourceType.REGISTRY,
            "source_url": f"https://clinicaltrials.gov/study/{number}",
            "publisher": "ClinicalTrials.gov",
            "published_at": POSTED,
            "storage_uri": f"local://{number}",
            "sha256": hashlib.sha256(str(number).encode()).hexdigest(),
            **fields,
        }
    )
    DocumentTextPage.objects.bulk_create(
        DocumentTextPage(doc=document, page_no=page_no, text=text, char_count=len(text))
        for page_no, text in enumerate(pages, start=1)
    )
    return document


def make_asset(name: str = "", *aliases: str, **fields: Any) -> Asset:
    """Make an asset that goes by `name` and the other names; all of them are aliases too."""
    name = name or f"asset {next(_numbers)}"
    asset = Asset.objects.create(**{"names_jsonb": {"inn": name}, **fields})
    AssetAlias.objects.bulk_create(
        AssetAlias(asset=asset, alias=alias, alias_norm=alias.lower(), alias_type=kind)
        for alias, kind in [(name, "inn"), *((alias, "code") for alias in aliases)]
    )
    return asset


def make_link_audit(**fields: Any) -> LinkAudit:
    """Create an open HP-2 claim; document, asset and NCT ID have defaults.

    A label without source is a human review by rita. `nct_id` is text; no trial is created.
    """
    if fields.get("label") is not None and "label_source" not in fields:
        fields = {
            "label_source": LinkAudit.LabelSource.HUMAN_REVIEW,
            "reviewed_by": "rita",
            "reviewed_at": timezone.now(),
            **fields,
        }
    defaults: dict[str, Any] = {
        "nct_id": f"NCT6{next(_numbers):07}",
        "link_type": "intervention_of_trial",
        "confidence": "0.95",
        "heuristic_applied": "HP-2",
        "promotion_status": LinkAudit.PromotionStatus.PENDING,
        "evidence_jsonb": {"matched_alias": "asset"},
    }
    if "doc" not in fields and "doc_id" not in fields:
        defaults["doc"] = make_document("A registry record.")
    if "asset" not in fields and "asset_id" not in fields:
        defaults["asset"] = make_asset()
    audit = LinkAudit.objects.create(**{**defaults, **fields})
    # What the database itself filled in: the times.
    audit.refresh_from_db()
    return audit


def make_study(**fields: Any) -> Study:
    """Make a published paper of a trial, with an empty study card."""
    if "trial" not in fields and "trial_id" not in fields:
        fields["trial"] = make_trial(is_pivotal=False)
    return Study.objects.create(**{"doc_type": "Paper", "year": 2024, "extracted_jsonb": {}, **fields})


def make_job_task(*, is_held: bool = True) -> int:
    """Create a task of a job, with its worker, lost unless `is_held`; return its number."""
    heartbeat = "now()" if is_held else "now() - interval '1 minute'"
    sql.execute(f"INSERT INTO procrastinate_workers (last_heartbeat) VALUES ({heartbeat})")
    return int(
        sql.value("""
            INSERT INTO procrastinate_jobs (queue_name, task_name, status, worker_id)
            SELECT 'test_count', 'run_job', 'doing', max(id) FROM procrastinate_workers RETURNING id""")
    )
