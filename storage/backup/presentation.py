"""Texts about backups, for commands and jobs."""

from ncfd_site.core.formatting import format_quantity, format_size
from storage.backup.drill import DrillResult
from storage.backup.manifest import Manifest
from storage.backup.restore import CheckResult
from storage.backup.services import BackupResult


def describe_manifest(manifest: Manifest) -> str:
    """Return name, moment, revision and sizes of a backup."""
    facts = manifest.database
    return (
        f"backup {manifest.name} of {facts.taken_at}, LSN {facts.lsn}, revision {facts.revision}: "
        f"{format_quantity(sum(facts.row_counts.values()), 'row')} (dump {format_size(manifest.dump.size)}), "
        f"{format_quantity(manifest.object_count, 'object')} ({format_size(manifest.object_bytes)})."
    )


def describe_backup(result: BackupResult, *, is_encrypted: bool) -> str:
    """Return what was backed up, copied and pruned, and what could not be read."""
    copied = f"{format_quantity(result.copied_count, 'object')} ({format_size(result.copied_bytes)})"
    lines = [
        f"Completed {describe_manifest(result.manifest)}",
        f"Copied {copied}; the others were in the destination.",
        "Encrypted with BACKUP_KEY." if is_encrypted else "Not encrypted: BACKUP_KEY is not set.",
    ]
    if result.pruned:
        lines.append(f"Deleted {format_quantity(len(result.pruned), 'older backup')}: {', '.join(result.pruned)}.")
    if unreadable := result.manifest.unreadable_count:
        lines += [f"{format_quantity(unreadable, 'object')} could not be read, such as:", *result.unreadable]
    return "\n".join(lines)


def describe_drill(result: DrillResult) -> str:
    """Return the restored backup, the duration, and the outcome of each verification."""
    lines = [f"Restored {describe_manifest(result.manifest)}", *map(describe_check, result.checks)]
    return "\n".join([*lines, f"Took {result.seconds:,.0f} s; the scratch server is deleted."])


def describe_check(check: CheckResult) -> str:
    """Return the outcome of a verification."""
    return f"{check.name}: exit code {check.exit_code}. {check.message}"
