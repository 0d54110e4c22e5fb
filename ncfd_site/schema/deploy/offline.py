"""The SQL of a run as text, for people who want to read it or run it by hand."""

import io
from contextlib import redirect_stdout

from alembic import command

from ncfd_site.schema.deploy import alembic_runner


def script(current: str | None, target: str | None, direction: str) -> str:
    """The SQL from one revision to another, None being the empty schema, in a transaction for each revision."""
    config = alembic_runner.config()
    config.output_buffer = io.StringIO()
    run = command.upgrade if direction == "up" else command.downgrade
    # Alembic names the direction on standard output as well.
    with redirect_stdout(io.StringIO()):
        run(config, f"{current or 'base'}:{target or 'base'}", sql=True)
    return config.output_buffer.getvalue()
