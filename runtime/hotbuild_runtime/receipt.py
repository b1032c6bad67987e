"""What the loader tells: the receipt of a load or unload, and the status of the process.

Owns: the frozen types that leave the loader. They hold names and numbers, never code objects or functions, so that
keeping a receipt keeps no code alive.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SiteCount:
    """How many live functions carry one target's code."""

    target: str
    sites: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """What one operation did.

    Attributes:
        id: the bundle's id, 64 hexadecimal digits.
        name: the name that the build gave it.
        operation: `load`, `check` or `unload`.
        targets: each target with the number of live functions whose code was replaced.
        added: names that were inserted (`shop:helper`), or removed again by an unload.
        kept: names that the fix removed and that stay in place.
        notes: what the operator should know.
        phases: seconds per phase, in order; their sum is `seconds`.
    """

    id: str
    name: str
    operation: str
    targets: tuple[SiteCount, ...] = ()
    added: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    phases: dict[str, float] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Total time of the operation, in seconds."""
        return sum(self.phases.values())


@dataclass(frozen=True, slots=True)
class LoadedBundle:
    """A bundle that is in force.

    Attributes:
        id: the bundle's id.
        name: its name.
        state: where in its life it is (`enabled`).
        since: when it was loaded, seconds since the epoch.
        targets: what it replaced, each with its number of live functions.
        added: the names that it inserted.
        base: ids of the bundles that it was built on.
    """

    id: str
    name: str
    state: str
    since: float
    targets: tuple[SiteCount, ...]
    added: tuple[str, ...]
    base: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Status:
    """What this process runs now.

    Attributes:
        bundles: the loaded bundles, oldest first.
        targets: per target, the ids of the bundles that hold it, oldest first; the last one's code runs.
    """

    bundles: tuple[LoadedBundle, ...]
    targets: dict[str, tuple[str, ...]]
