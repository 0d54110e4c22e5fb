"""API tokens."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class ApiToken(models.Model):
    """A token to read the API with the permissions of a user. Only its hash is stored."""

    token_id = models.BigAutoField("token", primary_key=True, help_text="Identifier, assigned by the database.")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.DO_NOTHING,
        db_constraint=False,
        related_name="api_tokens",
        help_text="User whose permissions apply. No foreign key: Alembic does not own Django's auth_user.",
    )
    name = models.TextField("name", help_text="Purpose of the token.")
    token_sha256 = models.TextField(
        "SHA-256 of the token", unique=True, help_text="SHA-256 of the token in hexadecimal."
    )
    created_at = models.DateTimeField("created", db_default=Now(), help_text="When the token was created.")
    expires_at = models.DateTimeField("expires", help_text="When the token expires.")
    last_used_at = models.DateTimeField(
        "last used", null=True, blank=True, help_text="When it was last used, to the minute."
    )
    revoked_at = models.DateTimeField("revoked", null=True, blank=True, help_text="When the token was revoked.")

    class Meta:
        managed = False
        db_table = "site_api_tokens"
        ordering = ["-token_id"]
        verbose_name = "API token"

    def __str__(self) -> str:
        return f"{self.name} of user {self.user_id}"
