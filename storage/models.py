"""Content and documents: the bytes that were kept, who refers to them, and what was read out of them."""

from django.db import models
from django.db.models.functions import Now

from ncfd_site.core.fields import EnumField, LineField


class SessionUser(models.Func):
    """Whom the database takes the session for."""

    template = "SESSION_USER"
    arity = 0
    output_field = models.TextField()


class StorageObject(models.Model):
    """One piece of content in one backend, known by the SHA-256 of its bytes, with a count of who refers to it."""

    class Tier(models.TextChoices):
        LOCAL = "local", "local disk"
        S3 = "s3", "S3"

    object_id = models.BigAutoField("object", primary_key=True, help_text="Number of the object, from the database.")
    sha256 = models.CharField(
        "SHA-256", max_length=64, help_text="Hash of the bytes, 64 hexadecimal digits; unique within a backend."
    )
    backend_type = models.CharField(
        "backend", max_length=20, help_text="Where the bytes lie: local or s3. The same bytes may lie in both."
    )
    tier = LineField(
        "tier",
        choices=Tier,
        help_text="Storage class: local or s3; equals the backend when the database makes the row.",
    )
    storage_uri = LineField("storage URI", help_text="Address of the bytes within the backend.")
    size_bytes = models.BigIntegerField(
        "size in bytes", db_default=0, help_text="Length of the content; 0 until the writer of the bytes tells it."
    )
    refcount = models.IntegerField(
        "references",
        db_default=0,
        help_text="How many rows of storage_references point here; kept by the database's functions.",
    )
    created_at = models.DateTimeField("created", db_default=Now(), help_text="When the object was first known.")
    last_accessed = models.DateTimeField(
        "last accessed", db_default=Now(), help_text="When it was last used; an age counts from here for clean-up."
    )
    metadata = models.JSONField(
        "metadata", null=True, blank=True, help_text="What else the writer knew: content type, encoding, where from."
    )

    class Meta:
        managed = False
        db_table = "storage_objects"
        ordering = ["-object_id"]
        verbose_name = "storage object"
        permissions = [
            ("reference_storageobject", "Can add and release references to content"),
            ("operate_storageobject", "Can clean, check, mend and move content"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["sha256", "backend_type"], name="uq_storage_objects_sha256_backend")
        ]

    def __str__(self) -> str:
        return f"{self.sha256[:12]} in {self.backend_type}"


class StorageReference(models.Model):
    """One row somewhere that refers to a piece of content, and so keeps it from being cleaned up."""

    reference_id = models.BigAutoField("reference", primary_key=True, help_text="Number of the reference itself.")
    object = models.ForeignKey(
        StorageObject, models.DO_NOTHING, related_name="references", help_text="The content that is referred to."
    )
    reference_type = models.CharField(
        "kind of referrer", max_length=50, help_text="What refers to it: document, study, or a pipeline's own word."
    )
    referenced_id = models.BigIntegerField(
        "referrer", help_text="Key of the row that refers to the content, within that kind. No foreign key."
    )
    created_at = models.DateTimeField("created", db_default=Now(), help_text="When the reference was recorded.")

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
    """One thing that was done to content or to its count, by whom. It stays when the content is gone."""

    event_id = models.BigAutoField("event", primary_key=True, help_text="Number of the event, from the database.")
    occurred_at = models.DateTimeField("occurred", db_default=Now(), help_text="When it was done.")
    actor = LineField(
        "actor", db_default=SessionUser(), help_text="Who did it: a person of the site, or the database user."
    )
    action = LineField(
        "action",
        help_text="What was done: refer or release (a reference, by a person), recount (a count brought right), clean "
        "(a row deleted), delete (bytes deleted), move (to another address), mend (something else brought right).",
    )
    object_id = models.BigIntegerField(
        "object", null=True, blank=True, help_text="Number of the object. No foreign key: it may be gone."
    )
    sha256 = LineField("SHA-256", null=True, blank=True, help_text="Hash of the content.")
    backend_type = LineField("backend", null=True, blank=True, help_text="Backend of the content: local or s3.")
    detail = models.JSONField("detail", db_default={}, help_text="What was before and after, by the act.")
    reason = LineField("reason", null=True, blank=True, help_text="Why it was done.")

    class Meta:
        managed = False
        db_table = "storage_events"
        ordering = ["-event_id"]
        verbose_name = "storage event"

    def __str__(self) -> str:
        return f"{self.action} at {self.occurred_at:%Y-%m-%d %H:%M}"


class StorageTombstone(models.Model):
    """Bytes that no row names any more, or not yet, and that are deleted once their time is over."""

    class Reason(models.TextChoices):
        DELETED = "deleted", "its row was deleted"
        MOVED = "moved", "its row moved to another address"
        EXPECTED = "expected", "it was announced, and no row has come"
        ORPHANED = "orphaned", "it was found without a row"

    storage_uri = LineField("storage URI", primary_key=True, help_text="Address of the bytes.")
    reason = LineField("reason", choices=Reason, help_text="Why no row names the bytes.")
    size_bytes = models.BigIntegerField(
        "size in bytes", db_default=0, help_text="Length of the bytes as the row had it; 0 where it is not known."
    )
    actor = LineField(
        "actor", db_default=SessionUser(), help_text="Who left it: a person of the site, or the database user."
    )
    created_at = models.DateTimeField("created", db_default=Now(), help_text="When the bytes lost their row.")
    delete_after = models.DateTimeField(
        "delete after", help_text="When the bytes may be deleted, unless a row names them by then."
    )

    class Meta:
        managed = False
        db_table = "storage_tombstones"
        ordering = ["storage_uri"]
        verbose_name = "tombstone of content"
        verbose_name_plural = "tombstones of content"

    def __str__(self) -> str:
        return self.storage_uri


class Document(models.Model):
    """One document that was found: a press release, abstract, paper, registry record, filing."""

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

    doc_id = models.BigAutoField("document", primary_key=True, help_text="Number of the document, from the database.")
    source_type = EnumField(
        "source type", enum_type="doc_source_type", choices=SourceType, help_text="What sort of publication it is."
    )
    source_url = LineField(
        "source URL",
        null=True,
        blank=True,
        unique=True,
        help_text="Where it was found; with its version where a page has versions, since it is unique.",
    )
    publisher = LineField("publisher", null=True, blank=True, help_text="Who published it: company, journal, registry.")
    published_at = models.DateTimeField("published", null=True, blank=True, help_text="When it was made public.")
    storage_uri = LineField("storage URI", help_text="Address of the bytes as they were fetched.")
    content_type = LineField(
        "content type",
        null=True,
        blank=True,
        help_text="Media type of the bytes, such as text/html or application/json.",
    )
    sha256 = LineField("SHA-256", help_text="Hash of the bytes as they were fetched, in hexadecimal.")
    oa_status = EnumField(
        "open-access status",
        enum_type="oa_status",
        choices=OpenAccess,
        null=True,
        blank=True,
        db_default=OpenAccess.UNKNOWN,
        help_text="Whether the full text may be read freely, in the terms that Unpaywall uses.",
    )
    discovered_at = models.DateTimeField("discovered", db_default=Now(), help_text="When its address became known.")
    fetched_at = models.DateTimeField("fetched", null=True, blank=True, help_text="When its bytes were fetched.")
    parsed_at = models.DateTimeField("parsed", null=True, blank=True, help_text="When its text was read out.")
    status = EnumField(
        "status",
        enum_type="doc_status",
        choices=Status,
        db_default=Status.DISCOVERED,
        help_text="How far it has come on its way from discovery to study card.",
    )
    error_msg = models.TextField(
        "error", null=True, blank=True, help_text="What went wrong, where the status is error."
    )
    crawl_run_id = LineField("crawl run", null=True, blank=True, help_text="The run of the crawler that found it.")
    object = models.ForeignKey(
        StorageObject,
        models.DO_NOTHING,
        null=True,
        blank=True,
        related_name="documents",
        help_text="Its bytes in the content store.",
    )

    class Meta:
        managed = False
        db_table = "documents"
        ordering = ["-doc_id"]
        verbose_name = "document"

    def __str__(self) -> str:
        return f"{self.source_type} {self.doc_id}: {self.source_url or self.publisher or 'without address'}"


class DocumentTextPage(models.Model):
    """The text of one page of a document."""

    pk = models.CompositePrimaryKey("doc_id", "page_no")
    doc = models.ForeignKey(Document, models.DO_NOTHING, related_name="text_pages", help_text="The document.")
    page_no = models.IntegerField("page", help_text="Number of the page, from 1.")
    char_count = models.IntegerField("characters", help_text="Length of the text in characters.")
    text = models.TextField("text", help_text="The text as it was read out; offsets of evidence count in it.")

    class Meta:
        managed = False
        db_table = "document_text_pages"
        ordering = ["doc_id", "page_no"]
        verbose_name = "page of text"
        verbose_name_plural = "pages of text"

    def __str__(self) -> str:
        return f"document {self.doc_id}, page {self.page_no}"


class DocumentTable(models.Model):
    """One table that was found on a page of a document."""

    pk = models.CompositePrimaryKey("doc_id", "page_no", "table_idx")
    doc = models.ForeignKey(Document, models.DO_NOTHING, related_name="tables", help_text="The document.")
    page_no = models.IntegerField("page", help_text="Number of the page, from 1.")
    table_idx = models.IntegerField("table", help_text="Which table of that page it is.")
    table_jsonb = models.JSONField("content", help_text="Cells of the table, and what its finder says of them.")
    detector = LineField("detector", null=True, blank=True, help_text="The program that found it.")

    class Meta:
        managed = False
        db_table = "document_tables"
        ordering = ["doc_id", "page_no", "table_idx"]
        verbose_name = "table of a document"
        verbose_name_plural = "tables of documents"

    def __str__(self) -> str:
        return f"document {self.doc_id}, page {self.page_no}, table {self.table_idx}"


class DocumentCitation(models.Model):
    """How a document is cited: its identifiers, and what the citation services answered."""

    doc = models.OneToOneField(
        Document, models.DO_NOTHING, primary_key=True, related_name="citation", help_text="The document."
    )
    doi = LineField("DOI", null=True, blank=True, help_text="Digital object identifier.")
    pmid = LineField("PMID", null=True, blank=True, help_text="Number in PubMed.")
    pmcid = LineField("PMCID", null=True, blank=True, help_text="Number in PubMed Central.")
    crossref_jsonb = models.JSONField(
        "Crossref record", null=True, blank=True, help_text="Answer of Crossref, as given."
    )
    unpaywall_jsonb = models.JSONField(
        "Unpaywall record", null=True, blank=True, help_text="Answer of Unpaywall, as given: where a free copy lies."
    )

    class Meta:
        managed = False
        db_table = "document_citations"
        ordering = ["doc_id"]
        verbose_name = "citation"

    def __str__(self) -> str:
        return self.doi or self.pmid or self.pmcid or f"document {self.doc_id}"


class DocumentNote(models.Model):
    """What a person noted about a document: one note for each."""

    doc = models.OneToOneField(
        Document, models.DO_NOTHING, primary_key=True, related_name="note", help_text="The document."
    )
    notes_md = models.TextField("note", null=True, blank=True, help_text="The note, in Markdown.")
    author = LineField("author", null=True, blank=True, help_text="Username of the one who wrote it.")
    created_at = models.DateTimeField("created", db_default=Now(), help_text="When the note was begun.")
    updated_at = models.DateTimeField("updated", db_default=Now(), help_text="When the note was last changed.")

    class Meta:
        managed = False
        db_table = "document_notes"
        ordering = ["doc_id"]
        verbose_name = "note on a document"
        verbose_name_plural = "notes on documents"

    def __str__(self) -> str:
        return f"note on document {self.doc_id}"
