"""Column types that Django has no field for, and foreign keys whose column is wider than the key they point to."""

from typing import TYPE_CHECKING, Any, TypeVar

from django.core.checks import CheckMessage
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

# Confidences and probabilities: the database's CHECK constraints say the same, forms say it sooner.
FROM_0_TO_1 = (MinValueValidator(0), MaxValueValidator(1))


_Set = TypeVar("_Set")
_Get = TypeVar("_Get")

if TYPE_CHECKING:

    class _Text(models.CharField[_Set, _Get]):
        """What one may set and get, for the type checker."""

else:

    class _Text(models.CharField):
        """Django's own fields take no type parameters when the program runs."""

        def __class_getitem__(cls, item: Any) -> type:
            return cls


class LineField(_Text[_Set, _Get]):
    """A `text` column that holds one line: forms show an input instead of an area, and an empty one means NULL."""

    description = "Text of any length, on one line"

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "text"

    def cast_db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "text"


class EnumField(_Text[_Set, _Get]):
    """A column of the native PostgreSQL enum type `enum_type`; its values are the labels, as text."""

    description = "PostgreSQL enum"

    def __init__(self, *args: Any, enum_type: str, **kwargs: Any) -> None:
        self.enum_type = enum_type
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, {**kwargs, "enum_type": self.enum_type}

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return self.enum_type

    # bulk_update() casts its CASE expression to this; without it PostgreSQL refuses text for an enum.
    def cast_db_type(self, connection: BaseDatabaseWrapper) -> str:
        return self.enum_type


class NumericField(models.DecimalField):
    """A `numeric` column without precision or scale."""

    description = "Number of any precision"

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "numeric"

    def cast_db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "numeric"

    # DecimalField insists on decimal_places and max_digits; PostgreSQL does not.
    def check(self, **kwargs: Any) -> list[CheckMessage]:
        return [message for message in super().check(**kwargs) if message.id not in ("fields.E130", "fields.E132")]


class BigForeignKey(models.ForeignKey[_Set, _Get]):
    """A `bigint` column that refers to an `integer` key: the column keeps its own type."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "bigint"

    def cast_db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "bigint"

    def db_parameters(self, connection: BaseDatabaseWrapper) -> Any:
        return {**super().db_parameters(connection), "type": "bigint"}


class BigOneToOneField(models.OneToOneField[_Set, _Get]):
    """A `bigint` key that is also a reference to an `integer` key of another relation."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "bigint"

    def cast_db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "bigint"

    def db_parameters(self, connection: BaseDatabaseWrapper) -> Any:
        return {**super().db_parameters(connection), "type": "bigint"}
