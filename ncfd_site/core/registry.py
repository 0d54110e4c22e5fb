"""Registries of what apps contribute: job types, tiles, loaders, exports, prunable rows, groups of the search."""

from collections.abc import Callable
from threading import RLock
from typing import Generic, TypeVar

from django.utils.module_loading import autodiscover_modules

T = TypeVar("T")


class Registry(Generic[T]):
    """Items by name. Each app registers its own in a module named `module`, which is imported at the first read.

    `noun` names an item in errors.
    """

    def __init__(self, noun: str, module: str, name: Callable[[T], str]) -> None:
        self._noun, self._module, self._name = noun, module, name
        self._items: dict[str, T] = {}
        self._is_complete = False
        # Recursive: an imported module may read the registry.
        self._lock = RLock()

    def register(self, item: T) -> T:
        """Register an item and return it; raises ValueError when another one has its name."""
        if self._items.setdefault(self._name(item), item) is not item:
            raise ValueError(f"Two {self._noun}s have the name {self._name(item)}.")
        return item

    def items(self) -> dict[str, T]:
        """Return the items of all apps by name, in the order of registration."""
        with self._lock:
            if not self._is_complete:
                autodiscover_modules(self._module)
                self._is_complete = True
        return dict(self._items)

    def find(self, name: str) -> T:
        """Return the item of a name; raises LookupError when there is none."""
        try:
            return self.items()[name]
        except KeyError:
            raise LookupError(f"There is no {self._noun} {name}.") from None
