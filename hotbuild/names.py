"""Names of the standard library that the rules know by heart."""

INERT_DECORATORS = {
    "staticmethod", "classmethod", "property", "overload", "typing.overload", "override", "typing.override",
    "final", "typing.final", "abstractmethod", "abc.abstractmethod", "cached_property", "functools.cached_property",
    "lru_cache", "functools.lru_cache", "cache", "functools.cache", "contextmanager", "contextlib.contextmanager",
    "asynccontextmanager", "contextlib.asynccontextmanager", "wraps", "functools.wraps", "no_type_check",
    "typing.no_type_check", "total_ordering", "functools.total_ordering", "typing_extensions.override",
    "typing_extensions.final", "typing_extensions.overload",
}  # fmt: skip
"""Decorators that neither read annotations nor do anything but wrap or mark the function."""

ACCESSORS = ("setter", "getter", "deleter")
"""Decorators that a property has as attributes."""
