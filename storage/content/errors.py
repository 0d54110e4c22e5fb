"""What a content store raises. The text of each is a sentence for people, without a secret, a bucket or an endpoint."""

from ncfd_site.config.errors import ExitCode, UserError


class ContentError(UserError):
    """The store cannot do what it was asked for."""

    exit_code = ExitCode.FAILED


class ContentMissing(ContentError):
    """The store can be asked, and holds nothing under that address."""


class ContentDamaged(ContentError):
    """What is stored there has another hash than its address says."""


class ContentAddressRefused(ContentError):
    """That is no address of this store, or a link stands there instead of content."""


class ContentTooLarge(ContentError):
    """The backend takes no content of that size."""


class ContentUnavailable(ContentError):
    """The store did not answer, or would not: whether it holds the content is not known."""


class ContentFull(ContentUnavailable):
    """There is no room for the content; nothing of it was kept."""
