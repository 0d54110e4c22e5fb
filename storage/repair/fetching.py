"""Content that is lost here can be fetched again: for which documents."""

from django.db.models import Q

from storage.models import Document, StorageObject, StorageReference

# So many are named.
MOST = 5


def who_needs_it(content: StorageObject) -> str:
    """What to do about content that no store has, as the end of a sentence."""
    referred = StorageReference.objects.filter(object=content, reference_type="document").values("referenced_id")
    documents = Document.objects.filter(Q(object=content) | Q(pk__in=referred)).order_by("pk")
    number = documents.count()
    if not number:
        return "no document has it; let whoever wrote it put it again, or release its references for storage_gc."
    named = [f"document {one.pk}" + (f" ({one.source_url})" if one.source_url else "") for one in documents[:MOST]]
    more = f" and {number - MOST:,} more" if number > MOST else ""
    return f"fetch again {', '.join(named)}{more}."
