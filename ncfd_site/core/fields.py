"""Fields for column types that Django lacks, and foreign keys whose column is wider than the key."""

from typing import TYPE_CHECKING, Any, TypeVar

from django.core.checks import CheckMessage
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

# Validators of probabilities; the database has CHECK constraints too.
FROM_0_TO_1 = (MinValueValidator(0), MaxValueValidator(1))


_Set = TypeVar("_Set")
_Get = TypeVar("_Get")

if TYPE_CHECKING:

    class _Text(models.CharField[_Set, _Get]):
        """Text field with types for the type checker."""

else:

    class _Text(models.CharField):
        """Text field; Django's fields take no type parameters at run time."""

        def __class_getitem__(cls, item: Any) -> type:
            return cls


class _TypedColumn:
    """A field whose column has the type `column_type`, and whose values are cast to it.

    bulk_update() casts its CASE expression; PostgreSQL refuses text for an enum.
    """

    column_type: str

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return self.column_type

    def cast_db_type(self, connection: BaseDatabaseWrapper) -> str:
        return self.column_type


class LineField(_TypedColumn, _Text[_Set, _Get]):
    """A `text` column of one line: forms show an input, and an empty value is NULL."""

    description = "Text of any length, on one line"
    column_type = "text"


class EnumField(_TypedColumn, _Text[_Set, _Get]):
    """A column of the PostgreSQL enum `enum_type`, whose values are its labels as text."""

    description = "PostgreSQL enum"

    def __init__(self, *args: Any, enum_type: str, **kwargs: Any) -> None:
        self.enum_type = self.column_type = enum_type
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, {**kwargs, "enum_type": self.enum_type}


class NumericField(_TypedColumn, models.DecimalField):
    """A `numeric` column without precision or scale."""

    description = "Number of any precision"
    column_type = "numeric"

    # DecimalField requires decimal_places and max_digits; PostgreSQL does not.
    def check(self, **kwargs: Any) -> list[CheckMessage]:
        return [message for message in super().check(**kwargs) if message.id not in ("fields.E130", "fields.E132")]


class BigForeignKey(_TypedColumn, models.ForeignKey[_Set, _Get]):
    """A `bigint` column that references an `integer` key."""

    column_type = "bigint"


class BigOneToOneField(_TypedColumn, models.OneToOneField[_Set, _Get]):
    """A `bigint` primary key that references an `integer` key."""

    column_type = "bigint"
