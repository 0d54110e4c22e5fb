"""Tokens of the API."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class ApiToken(models.Model):
    """With what a program reads the API in the name of a person. Of the token itself only the hash is kept."""

    token_id = models.BigAutoField("token", primary_key=True, help_text="Number of the token, from the database.")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.DO_NOTHING,
        db_constraint=False,
        related_name="api_tokens",
        help_text="The person in whose name it reads.",
    )
    name = models.TextField("name", help_text="What it is for.")
    token_sha256 = models.TextField("SHA-256 of the token", unique=True, help_text="Hash of the token.")
    created_at = models.DateTimeField("made", db_default=Now(), help_text="When it was made.")
    expires_at = models.DateTimeField("ends", help_text="From then on it is refused.")
    last_used_at = models.DateTimeField(
        "last used", null=True, blank=True, help_text="When it was last used, to the minute."
    )
    revoked_at = models.DateTimeField("revoked", null=True, blank=True, help_text="When it was taken back.")

    class Meta:
        managed = False
        db_table = "site_api_tokens"
        ordering = ["-token_id"]
        verbose_name = "API token"

    def __str__(self) -> str:
        return f"{self.name} of person {self.user_id}"
