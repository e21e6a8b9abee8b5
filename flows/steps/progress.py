"""What one phase did and what it waits for, in words that people read."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Progress:
    """The state of one phase after a run of it."""

    phase: str
    did: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do in this phase, as things stand."""
        return not self.waiting
