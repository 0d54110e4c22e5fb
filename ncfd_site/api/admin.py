"""The admin of API tokens: who has which, and until when. People make and revoke their own on the site."""

from django.contrib import admin

from ncfd_site.adminkit import search
from ncfd_site.adminkit.columns import related, value, when
from ncfd_site.adminkit.tables import ReadOnlyAdmin
from ncfd_site.api.models import ApiToken


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
    hidden_fields = {"token_sha256": "api.delete_apitoken"}  # a right that no group has
    filled_by = "Nobody has made a token for the API yet."
