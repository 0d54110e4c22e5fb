"""Documents in the search, by number, hash and URL."""

import re
from collections.abc import Iterator

from django.contrib.auth.models import User
from django.urls import reverse

from ncfd_site.adminkit.links import get_object_url
from ncfd_site.search.providers import MOST_HITS, Hit, Provider, parse_key, register
from storage.models import Document

SHA256 = re.compile(r"[0-9a-f]{64}", re.IGNORECASE)
URL = re.compile(r"https?://\S+")


def find_documents(text: str, user: User) -> Iterator[Hit]:
    """Yield the documents with a number, a SHA-256 or a URL."""
    key = parse_key(text)
    if key is not None:
        found = Document.objects.filter(pk=key)
    elif SHA256.fullmatch(text):
        found = Document.objects.filter(sha256=text.lower())
    elif URL.fullmatch(text):
        found = Document.objects.filter(source_url=text)
    else:
        return
    for document in found[:MOST_HITS]:
        url = get_object_url(document) if user.is_staff else reverse("storage:document_file", args=[document.pk])
        published = f"{document.published_at:%Y-%m-%d}" if document.published_at else ""
        about = (document.get_source_type_display(), document.publisher, published)
        yield Hit(f"Document {document.pk}", url, ", ".join(filter(None, about)))


register(
    Provider(
        key="documents", title="Documents", position=40, find=find_documents, permissions=("storage.view_document",)
    )
)
