"""What is wrong with a file, told line by line, and what was noticed but is no reason to refuse.

A hundred thousand lines with the same fault are no help to anyone: twenty are told, the rest are
counted.
"""

from __future__ import annotations

from dataclasses import dataclass, field

MOST = 20


class FileRefused(ValueError):
    """An import file cannot be used; nothing of it was loaded. One line a fault."""


@dataclass
class Faults:
    """Collects faults and warnings of all files of one load."""

    told: list[str] = field(default_factory=list)
    more: int = 0
    warnings: list[str] = field(default_factory=list)
    more_warnings: int = 0

    def add(self, where: str, what: str) -> None:
        """`where` is "file:line" or "file"; `what` says what a person should change."""
        if len(self.told) < MOST:
            self.told.append(f"{where}: {what}")
        else:
            self.more += 1

    def warn(self, where: str, what: str) -> None:
        if len(self.warnings) < MOST:
            self.warnings.append(f"{where}: {what}")
        else:
            self.more_warnings += 1

    @property
    def any(self) -> bool:
        return bool(self.told)

    def check(self) -> None:
        """Raises FileRefused when there is any fault."""
        if self.told:
            rest = [f"... and {self.more} more"] if self.more else []
            raise FileRefused("\n".join([*self.told, *rest]))
