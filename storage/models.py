"""The content store (objects, references, events, tombstones) and documents with their extracted parts."""

from django.db import models
from django.db.models.functions import Now

from ncfd_site.core.fields import EnumField, LineField


class SessionUser(models.Func):
    """The database user of the session."""

    template = "SESSION_USER"
    arity = 0
    output_field = models.TextField()


class StorageObject(models.Model):
    """An object of the content store: the bytes of one SHA-256 in one backend, with a reference count."""

    class Tier(models.TextChoices):
        LOCAL = "local", "local disk"
        S3 = "s3", "S3"

    object_id = models.BigAutoField("object", primary_key=True, help_text="Identifier, assigned by the database.")
    sha256 = models.CharField(
        "SHA-256", max_length=64, help_text="SHA-256 of the bytes in hexadecimal; unique within a backend."
    )
    backend_type = models.CharField(
        "backend", max_length=20, help_text="Backend that the object was added for, local or s3; part of its key."
    )
    tier = LineField(
        "tier",
        choices=Tier,
        help_text="Storage tier of the bytes: local or s3.",
    )
    storage_uri = LineField("storage URI", help_text="Address of the bytes.")
    size_bytes = models.BigIntegerField(
        "size in bytes", db_default=0, help_text="Size of the content; 0 until its writer sets it."
    )
    refcount = models.IntegerField(
        "references",
        db_default=0,
        help_text="Number of rows in storage_references for the object; maintained by triggers.",
    )
    created_at = models.DateTimeField("created", db_default=Now(), help_text="When the object was added.")
    last_accessed = models.DateTimeField(
        "last accessed",
        db_default=Now(),
        help_text="When it was last referenced, released or read; the grace period starts here.",
    )
    metadata = models.JSONField(
        "metadata", null=True, blank=True, help_text="Additional data from the writer: content type, encoding, origin."
    )

    class Meta:
        managed = False
        db_table = "storage_objects"
        ordering = ["-object_id"]
        verbose_name = "storage object"
        permissions = [
            ("reference_storageobject", "Can add and release references to objects"),
            ("operate_storageobject", "Can delete, check, repair and move objects"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["sha256", "backend_type"], name="uq_storage_objects_sha256_backend")
        ]

    def __str__(self) -> str:
        return f"{self.sha256[:12]} in {self.backend_type}"


class StorageReference(models.Model):
    """A reference of some row to an object, which protects the object from garbage collection."""

    reference_id = models.BigAutoField("reference", primary_key=True, help_text="Identifier, assigned by the database.")
    object = models.ForeignKey(
        StorageObject, models.DO_NOTHING, related_name="references", help_text="The referenced object."
    )
    reference_type = models.CharField(
        "reference type", max_length=50, help_text="Type of the referrer: document, study, or a type of a pipeline."
    )
    referenced_id = models.BigIntegerField(
        "referrer", help_text="Key of the referring row within its type. No foreign key."
    )
    created_at = models.DateTimeField("created", db_default=Now(), help_text="When the reference was added.")

    class Meta:
        managed = False
        db_table = "storage_references"
        ordering = ["-reference_id"]
        verbose_name = "storage reference"
        constraints = [
            models.UniqueConstraint(
                fields=["object", "reference_type", "referenced_id"], name="uq_storage_references_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.reference_type} {self.referenced_id}"


class StorageEvent(models.Model):
    """An audit record: an action on an object or its reference count. It outlives the object.

    Rows are append-only.
    """

    event_id = models.BigAutoField("event", primary_key=True, help_text="Identifier, assigned by the database.")
    occurred_at = models.DateTimeField("occurred", db_default=Now(), help_text="When the action happened.")
    actor = LineField("actor", db_default=SessionUser(), help_text="Username on the site, or database user.")
    action = LineField(
        "action",
        help_text="reference_added, reference_released, count_corrected, object_deleted (its row), bytes_deleted, "
        "moved, or repaired.",
    )
    object_id = models.BigIntegerField(
        "object", null=True, blank=True, help_text="ID of the object. No foreign key: it may be deleted."
    )
    sha256 = LineField("SHA-256", null=True, blank=True, help_text="Hash of the object.")
    backend_type = LineField("backend", null=True, blank=True, help_text="Backend of the object: local or s3.")
    detail = models.JSONField("detail", db_default={}, help_text="Values before and after, depending on the action.")
    reason = LineField("reason", null=True, blank=True, help_text="Reason for the action.")

    class Meta:
        managed = False
        db_table = "storage_events"
        ordering = ["-event_id"]
        verbose_name = "storage event"

    def __str__(self) -> str:
        return f"{self.action} at {self.occurred_at:%Y-%m-%d %H:%M}"


class StorageTombstone(models.Model):
    """A tombstone: bytes without a row in storage_objects, to be deleted after a retention period."""

    class Reason(models.TextChoices):
        DELETED = "deleted", "object deleted"
        MOVED = "moved", "object moved"
        EXPECTED = "expected", "announced, no row yet"
        ORPHANED = "orphaned", "found without a row"

    storage_uri = LineField("storage URI", primary_key=True, help_text="Address of the bytes.")
    reason = LineField("reason", choices=Reason, help_text="Why the bytes have no row.")
    size_bytes = models.BigIntegerField(
        "size in bytes", db_default=0, help_text="Size from the deleted row; 0 if unknown."
    )
    actor = LineField("actor", db_default=SessionUser(), help_text="Username on the site, or database user.")
    created_at = models.DateTimeField("created", db_default=Now(), help_text="When the tombstone was created.")
    delete_after = models.DateTimeField(
        "delete after", help_text="When garbage collection may delete the bytes, unless a row refers to them by then."
    )

    class Meta:
        managed = False
        db_table = "storage_tombstones"
        ordering = ["storage_uri"]
        verbose_name = "tombstone"

    def __str__(self) -> str:
        return self.storage_uri


class Document(models.Model):
    """A document: a press release, abstract, paper, registry record, or filing."""

    class SourceType(models.TextChoices):
        PRESS_RELEASE = "PR", "press release"
        INVESTOR_RELATIONS = "IR", "investor update"
        ABSTRACT = "Abstract", "abstract"
        PAPER = "Paper", "paper"
        REGISTRY = "Registry", "registry record"
        FDA = "FDA", "FDA document"
        SEC_8K = "SEC_8K", "SEC Form 8-K"
        OTHER = "Other", "other document"

    class Status(models.TextChoices):
        DISCOVERED = "discovered", "discovered"
        FETCHED = "fetched", "fetched"
        PARSED = "parsed", "parsed"
        INDEXED = "indexed", "indexed"
        LINKED = "linked", "linked"
        READY_FOR_CARD = "ready_for_card", "ready for a study card"
        CARD_BUILT = "card_built", "study card built"
        ERROR = "error", "error"

    class OpenAccess(models.TextChoices):
        OPEN = "open", "open"
        GREEN = "green", "green"
        BRONZE = "bronze", "bronze"
        CLOSED = "closed", "closed"
        UNKNOWN = "unknown", "unknown"

    doc_id = models.BigAutoField("document", primary_key=True, help_text="Identifier, assigned by the database.")
    source_type = EnumField(
        "source type", enum_type="doc_source_type", choices=SourceType, help_text="Type of publication."
    )
    source_url = LineField(
        "source URL",
        null=True,
        blank=True,
        unique=True,
        help_text="Unique URL of the document, with its version if the page has versions.",
    )
    publisher = LineField(
        "publisher", null=True, blank=True, help_text="Company, journal or registry that published it."
    )
    published_at = models.DateTimeField("published", null=True, blank=True, help_text="When it was published.")
    storage_uri = LineField("storage URI", help_text="Address of the fetched bytes.")
    content_type = LineField(
        "content type",
        null=True,
        blank=True,
        help_text="Media type of the bytes, such as text/html or application/json.",
    )
    sha256 = LineField("SHA-256", help_text="SHA-256 of the fetched bytes in hexadecimal.")
    oa_status = EnumField(
        "open-access status",
        enum_type="oa_status",
        choices=OpenAccess,
        null=True,
        blank=True,
        db_default=OpenAccess.UNKNOWN,
        help_text="Open-access status of the full text, in Unpaywall's terms.",
    )
    discovered_at = models.DateTimeField("discovered", db_default=Now(), help_text="When the URL was discovered.")
    fetched_at = models.DateTimeField("fetched", null=True, blank=True, help_text="When the document was fetched.")
    parsed_at = models.DateTimeField("parsed", null=True, blank=True, help_text="When its text was extracted.")
    status = EnumField(
        "status",
        enum_type="doc_status",
        choices=Status,
        db_default=Status.DISCOVERED,
        help_text="Processing state, from discovery to study card.",
    )
    error_msg = models.TextField("error", null=True, blank=True, help_text="Error message if the status is error.")
    crawl_run_id = LineField("crawl run", null=True, blank=True, help_text="Crawler run that found it.")
    object = models.ForeignKey(
        StorageObject,
        models.DO_NOTHING,
        null=True,
        blank=True,
        related_name="documents",
        help_text="Object with its bytes.",
    )

    class Meta:
        managed = False
        db_table = "documents"
        ordering = ["-doc_id"]
        verbose_name = "document"

    def __str__(self) -> str:
        return f"{self.source_type} {self.doc_id}: {self.source_url or self.publisher or 'no URL'}"


class DocumentTextPage(models.Model):
    """The text of one page of a document."""

    pk = models.CompositePrimaryKey("doc_id", "page_no")
    doc = models.ForeignKey(Document, models.DO_NOTHING, related_name="text_pages", help_text="The document.")
    page_no = models.IntegerField("page", help_text="Page number, from 1.")
    char_count = models.IntegerField("characters", help_text="Length of the text, in characters.")
    text = models.TextField("text", help_text="Extracted text; evidence offsets refer to it.")

    class Meta:
        managed = False
        db_table = "document_text_pages"
        ordering = ["doc_id", "page_no"]
        verbose_name = "document page"

    def __str__(self) -> str:
        return f"document {self.doc_id}, page {self.page_no}"


class DocumentTable(models.Model):
    """A table found on a page of a document."""

    pk = models.CompositePrimaryKey("doc_id", "page_no", "table_idx")
    doc = models.ForeignKey(Document, models.DO_NOTHING, related_name="tables", help_text="The document.")
    page_no = models.IntegerField("page", help_text="Page number, from 1.")
    table_idx = models.IntegerField("table", help_text="Position of the table on the page.")
    table_jsonb = models.JSONField("content", help_text="Cells of the table, with metadata from the detector.")
    detector = LineField("detector", null=True, blank=True, help_text="Program that detected it.")

    class Meta:
        managed = False
        db_table = "document_tables"
        ordering = ["doc_id", "page_no", "table_idx"]
        verbose_name = "document table"

    def __str__(self) -> str:
        return f"document {self.doc_id}, page {self.page_no}, table {self.table_idx}"


class DocumentCitation(models.Model):
    """Citation of a document: identifiers, and records of the citation services."""

    doc = models.OneToOneField(
        Document, models.DO_NOTHING, primary_key=True, related_name="citation", help_text="The document."
    )
    doi = LineField("DOI", null=True, blank=True, help_text="Digital object identifier.")
    pmid = LineField("PMID", null=True, blank=True, help_text="PubMed identifier.")
    pmcid = LineField("PMCID", null=True, blank=True, help_text="PubMed Central identifier.")
    crossref_jsonb = models.JSONField(
        "Crossref record", null=True, blank=True, help_text="Response of Crossref, unchanged."
    )
    unpaywall_jsonb = models.JSONField(
        "Unpaywall record",
        null=True,
        blank=True,
        help_text="Response of Unpaywall, unchanged: locations of free copies.",
    )

    class Meta:
        managed = False
        db_table = "document_citations"
        ordering = ["doc_id"]
        verbose_name = "citation"

    def __str__(self) -> str:
        return self.doi or self.pmid or self.pmcid or f"document {self.doc_id}"


class DocumentNote(models.Model):
    """A note on a document, at most one per document."""

    doc = models.OneToOneField(
        Document, models.DO_NOTHING, primary_key=True, related_name="note", help_text="The document."
    )
    notes_md = models.TextField("note", null=True, blank=True, help_text="Note in Markdown.")
    author = LineField("author", null=True, blank=True, help_text="Username of the author.")
    created_at = models.DateTimeField("created", db_default=Now(), help_text="When the note was created.")
    updated_at = models.DateTimeField("updated", db_default=Now(), help_text="When the note was last updated.")

    class Meta:
        managed = False
        db_table = "document_notes"
        ordering = ["doc_id"]
        verbose_name = "document note"

    def __str__(self) -> str:
        return f"note on document {self.doc_id}"
