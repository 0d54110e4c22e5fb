"""The admin of API tokens, read-only; users create and revoke their own at /tokens/."""

from django.contrib import admin

from ncfd_site.adminkit import search
from ncfd_site.adminkit.columns import age_column, related_column, value_column
from ncfd_site.adminkit.read_only import ReadOnlyAdmin
from ncfd_site.api.models import ApiToken


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    """Tokens, without what they are."""

    list_display = (
        value_column("name"),
        related_column("user", "username", "person"),
        age_column("created_at", "made"),
        age_column("expires_at", "ends"),
        age_column("last_used_at", "last used", empty="never"),
        age_column("revoked_at", "revoked", empty="no"),
    )
    search_by = (search.by_key("token_id", "number of the token"),)
    hidden_fields = {"token_sha256": "api.delete_apitoken"}  # a right that no group has
    filled_by = "No API tokens yet."
