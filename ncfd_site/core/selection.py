"""What a person picked of a list, as it stands in the address of its page."""

from dataclasses import asdict, dataclass
from typing import ClassVar
from urllib.parse import urlencode


@dataclass(frozen=True, slots=True)
class Selection:
    """The filters and the order of a list, each with a default; the defaults are not written in an address.

    `parameters` names those that an address calls otherwise.
    """

    parameters: ClassVar[dict[str, str]] = {}

    @property
    def query_string(self) -> str:
        """The selection as the part of an address after "?", "" where everything is the default."""
        default = asdict(type(self)())
        picked = {key: value for key, value in asdict(self).items() if value != default[key] and value is not None}
        return urlencode({self.parameters.get(key, key): value for key, value in picked.items()})

    @property
    def is_default(self) -> bool:
        """Whether nothing is filtered or sorted otherwise than a new page does."""
        return self == type(self)()
