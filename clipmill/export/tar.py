"""Tar files whose members have a name and bytes, and no time or owner: the same members give the same bytes.

They are the bytes that `tarfile` writes in PAX format, member by member in few and large writes.
"""

from __future__ import annotations

import tarfile

from clipmill.storage import Writer

_BLOCK = tarfile.BLOCKSIZE
#: Bytes that are joined and written at once.
_CHUNK = 1 << 20
#: Of a header in POSIX's ustar format: bytes of the name, and where size and checksum stand.
_NAME, _SIZE, _SUM = 100, slice(124, 136), slice(148, 156)
_LARGEST = 8**11


class Tar:
    """A tar file that is written to the end.

    Args:
        out: what to write to.
    """

    def __init__(self, out: Writer) -> None:
        self._out = out
        self._parts: list[bytes | memoryview] = []
        self._pending = self._size = 0
        self._blank = tarfile.TarInfo("").tobuf(tarfile.PAX_FORMAT)

    def add(self, name: str, data: bytes | memoryview) -> None:
        """Append a member."""
        self._write(self._header(name, len(data)))
        self._write(data)
        self._write(bytes(-len(data) % _BLOCK))

    def close(self) -> None:
        """Write what stands behind the last member."""
        self._write(bytes(2 * _BLOCK))
        self._write(bytes(-self._size % tarfile.RECORDSIZE))
        self._flush()

    def _header(self, name: str, size: int) -> bytes:
        plain = name.encode()
        if len(plain) > _NAME or not name.isascii() or size >= _LARGEST:
            info = tarfile.TarInfo(name)
            info.size = size
            return info.tobuf(tarfile.PAX_FORMAT)
        # tarfile takes 20 microseconds for a header, as long as it takes to copy the frame behind it.
        header = bytearray(self._blank)
        header[: len(plain)] = plain
        header[_SIZE] = b"%011o\0" % size
        header[_SUM] = b" " * 8
        header[_SUM] = b"%06o\0 " % sum(header)
        return bytes(header)

    def _write(self, data: bytes | memoryview) -> None:
        self._parts.append(data)
        self._pending += len(data)
        self._size += len(data)
        if self._pending >= _CHUNK:
            self._flush()

    def _flush(self) -> None:
        self._out.write(b"".join(self._parts))
        self._parts, self._pending = [], 0
