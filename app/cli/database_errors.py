"""A command whose database cannot be used ends with one sentence: what is wrong, what to change."""

from __future__ import annotations

from typing import Any

import click
from sqlalchemy import exc

from app.doctor.database_advice import told


class DatabaseCommand(click.Command):
    """A command that uses the database."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (exc.SQLAlchemyError, OSError) as error:
            if isinstance(error, OSError) and error.filename is None:
                raise  # of a pipe that is closed, say
            raise click.ClickException(f"the database: {told(error)}") from error
