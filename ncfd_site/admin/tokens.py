"""The admin of API tokens: who has which, and until when. People make and revoke their own on the site."""

from django.contrib import admin

from ncfd_site.admin import search
from ncfd_site.admin.columns import related, value, when
from ncfd_site.admin.tables import ReadOnlyAdmin
from ncfd_site.models import ApiToken


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    """Tokens, without what they are."""

    list_display = (
        value("name"),
        related("user", "username", "person"),
        when("created_at", "made"),
        when("expires_at", "ends"),
        when("last_used_at", "last used", empty="never"),
        when("revoked_at", "revoked", empty="no"),
    )
    search_by = (search.key("token_id", "number of the token"),)
    hidden_fields = {"token_sha256": "ncfd_site.delete_apitoken"}  # a right that no group has
    filled_by = "Nobody has made a token for the API yet."
