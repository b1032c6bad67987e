"""Is a marshalled payload what it claims to be, before it is unmarshalled?

Owns: `check`. `marshal` believes what it reads: a count of two thousand million makes it ask for as much memory. This
walks over the bytes first, builds nothing, and finds that every count is covered by bytes that are there.

Only the types that a payload of ours has are known (format 2 has no references); any other is refused.

Pure. Tests: tests/runtime/test_malformed.py.
"""

_EMPTY = b"NTF."
_SIZED = b"stuaA"  # a 4-byte length, then as many bytes
_SHORT = b"zZ"  # a 1-byte length
_FIXED = {ord("i"): 4, ord("g"): 8, ord("y"): 16}
_MANY = b"(>"  # a 4-byte count, then as many objects
_CODE = (5, 8, 1, 2)  # numbers, objects, number, objects: the fields of a code object since 3.11
_MAX_DEPTH = 500


def check(data: bytes) -> None:
    """Walk over a marshalled object.

    Raises:
        ValueError: a length or count goes beyond the end, a type is unknown, it is nested too deeply, or bytes are left.
    """
    end = _object(data, 0, 0)
    if end != len(data):
        raise ValueError(f"{len(data) - end} bytes follow the last object")


def _object(data: bytes, at: int, depth: int) -> int:
    if depth > _MAX_DEPTH:
        raise ValueError("nested too deeply")
    if at >= len(data):
        raise ValueError("the data ends too early")
    kind, at = data[at], at + 1
    if kind in _EMPTY:
        return at
    if kind in _FIXED:
        return _skip(data, at, _FIXED[kind])
    if kind == ord("l"):
        digits = int.from_bytes(_take(data, at, 4), "little", signed=True)
        return _skip(data, at + 4, 2 * abs(digits))
    if kind in _SIZED:
        return _skip(data, at + 4, _count(data, at))
    if kind in _SHORT:
        return _skip(data, at + 1, _take(data, at, 1)[0])
    if kind in _MANY:
        count, at = _count(data, at), at + 4
        if count > len(data) - at:
            raise ValueError(f"{count} objects do not fit into {len(data) - at} bytes")
        for _ in range(count):
            at = _object(data, at, depth + 1)
        return at
    if kind == ord("c"):
        return _code(data, at, depth)
    raise ValueError(f"an object of type {kind} has no place in a bundle")


def _code(data: bytes, at: int, depth: int) -> int:
    numbers, objects, line, rest = _CODE
    at = _skip(data, at, 4 * numbers)
    for _ in range(objects):
        at = _object(data, at, depth + 1)
    at = _skip(data, at, 4 * line)
    for _ in range(rest):
        at = _object(data, at, depth + 1)
    return at


def _count(data: bytes, at: int) -> int:
    return int.from_bytes(_take(data, at, 4), "little", signed=True)


def _take(data: bytes, at: int, size: int) -> bytes:
    if len(data) - at < size:
        raise ValueError("the data ends too early")
    return data[at : at + size]


def _skip(data: bytes, at: int, size: int) -> int:
    if size < 0 or len(data) - at < size:
        raise ValueError(f"{size} bytes are claimed, {len(data) - at} are there")
    return at + size
