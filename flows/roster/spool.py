"""What an import sets aside on disk while it reads: sealed, nameless, gone with the process that wrote it.

The file has no name in its folder from the start, so a process that is killed leaves nothing behind; its contents are
sealed (AES-256-GCM) with a key that is only in this process's memory.
"""

import marshal
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tocsin.errors import Misconfigured

_NONCE_BYTES = 12
_MANY = 1000  # values of one heap in memory
_MANY_TOGETHER = 50_000  # values of all heaps in memory


class Piece(NamedTuple):
    """Where a piece of the file lies."""

    start: int
    length: int


class Spool:
    """A file of pieces of bytes, to be read back in any order. Use it in a `with` block."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._cipher = AESGCM(AESGCM.generate_key(256))
        self._end = 0

    def __enter__(self) -> Self:
        try:
            self._file = tempfile.TemporaryFile(dir=self._folder, buffering=0)
        except OSError as error:
            raise self._unusable(error) from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def put(self, content: bytes) -> Piece:
        """Set bytes aside."""
        sealed = self._cipher.encrypt(self._nonce(self._end), content, None)
        piece = Piece(self._end, len(sealed))
        try:
            self._file.seek(piece.start)
            rest = memoryview(sealed)
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise self._unusable(error) from None
        self._end += len(sealed)
        return piece

    def get(self, piece: Piece) -> bytes:
        """Bytes that were set aside."""
        self._file.seek(piece.start)
        sealed = bytearray()
        while len(sealed) < piece.length and (read := self._file.read(piece.length - len(sealed))):
            sealed += read
        return self._cipher.decrypt(self._nonce(piece.start), bytes(sealed), None)

    def put_values(self, values: list[Any]) -> Piece:
        """Set a list of plain values aside: numbers, texts, bytes and tuples of them."""
        return self.put(marshal.dumps(values))

    def get_values(self, piece: Piece) -> list[Any]:
        """The list that was set aside."""
        found: list[Any] = marshal.loads(self.get(piece))  # noqa: S302 - ours: it was decrypted with our key
        return found

    def _nonce(self, start: int) -> bytes:
        """No two pieces begin at one place, and no two files have one key."""
        return start.to_bytes(_NONCE_BYTES, "big")

    def _unusable(self, error: OSError) -> Misconfigured:
        why = error.strerror or "unknown reason"
        return Misconfigured(
            f"The import cannot set rows aside in {self._folder} ({why}): make room there, or name a file in another "
            "folder with --rejected."
        )


class Heaps:
    """Plain values thrown on numbered heaps, a few of each in memory and the rest on the spool."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._pieces: dict[int, list[Piece]] = defaultdict(list)
        self.open: dict[int, list[Any]] = defaultdict(list)  #: what is not on the spool yet: add to it freely

    def spill(self) -> None:
        """Put heaps that have grown on the spool; call it now and then."""
        most = _MANY if sum(map(len, self.open.values())) < _MANY_TOGETHER else 1
        for number, heap in self.open.items():
            if len(heap) >= most:
                self._pieces[number].append(self._spool.put_values(heap))
                heap.clear()

    def each(self) -> Iterator[tuple[int, list[Any]]]:
        """Every heap in order, with its values in the order in which they were thrown there."""
        for number in sorted(self._pieces.keys() | self.open.keys()):
            spilt = chain.from_iterable(map(self._spool.get_values, self._pieces.get(number, ())))
            yield number, [*spilt, *self.open.get(number, ())]
