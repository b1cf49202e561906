"""Storage in object stores, through obstore: S3 and compatible stores, and Google Cloud Storage."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import IO, Any

from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    NotFoundError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)
from obstore.store import from_url

from clipmill.errors import StorageError, UsageError
from clipmill.storage.base import Disk, Stat, Writer
from clipmill.storage.slow_requests import each_watched, watched

#: Objects from twice this size on are uploaded in parts of it, `_PARTS_AT_ONCE` at a time.
PART = 16 << 20
_PARTS_AT_ONCE = 4
_CHUNK = 8 << 20
#: The metadata server, where a machine of a cloud gets its credentials; elsewhere nothing answers there.
_METADATA = "169.254.169.254"
#: How long a request is repeated that is answered with 5xx or 429, or not at all.
RETRY_SECONDS = 180.0


class ObjectStorage:
    """A bucket, or a prefix in one.

    Raises:
        UsageError: the URL names no bucket.
    """

    local = False
    disk: Disk | None = None

    def __init__(self, root: str) -> None:
        self.root = root.rstrip("/")
        if self.root.count("/") < 2 or not self.root.split("/")[2]:
            raise UsageError(f"{root}: no bucket in this URL")
        config, plain = _settings(self.root)
        client: Any = {"timeout": "120s", "connect_timeout": "10s", "allow_http": plain}
        self._store: Any = from_url(
            self.root.replace("s3a://", "s3://"),
            config=config,
            client_options=client,
            retry_config={
                "max_retries": 60,
                "retry_timeout": datetime.timedelta(seconds=RETRY_SECONDS),
                "backoff": {
                    "init_backoff": datetime.timedelta(milliseconds=100),
                    "max_backoff": datetime.timedelta(seconds=10),
                    "base": 2.0,
                },
            },
        )

    def read(self, path: str, start: int = 0, end: int | None = None) -> bytes:
        """See `clipmill.storage.Storage`, here and below."""
        if end is not None and end <= start:
            return b""
        with self._errors(path), _nothing_there():
            if end is not None:
                return bytes(self._store.get_range(path, start=start, end=end))
            return bytes(self._store.get(path, options={"range": {"offset": start}} if start else None).bytes())
        return b""

    def read_ranges(self, path: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        found = [b""] * len(ranges)
        wanted = [(number, *span) for number, span in enumerate(ranges) if span[1] > span[0]]
        if not wanted:
            return found
        numbers, starts, ends = zip(*wanted, strict=True)
        with self._errors(path):
            # Ranges that lie near each other are fetched as one.
            for number, data in zip(numbers, self._store.get_ranges(path, starts=starts, ends=ends), strict=True):
                found[number] = bytes(data)
        return found

    def borrow_ranges(self, path: str, ranges: Sequence[tuple[int, int]]) -> Sequence[bytes | memoryview]:
        return self.read_ranges(path, ranges)

    def stat(self, path: str) -> Stat | None:
        try:
            with self._errors(path):
                return _stat(self._store.head(path))
        except FileNotFoundError:
            return None

    def put(self, path: str, data: bytes, *, durable: bool = True) -> None:
        with self._no_bucket(), self._errors(path):
            self._store.put(path, data, use_multipart=False)

    def writer(self, path: str, *, durable: bool = True) -> contextlib.AbstractContextManager[Writer]:
        return _Upload(self, path)

    def swap(self, path: str, old: bytes | None, new: bytes) -> bool:
        try:
            with self._errors(path):
                if old is None:
                    self._store.put(path, new, mode="create")
                    return True
                held = self._store.get(path)
                if bytes(held.bytes()) != old:
                    return False
                # S3 compares the tag, Google Cloud Storage the version.
                known = {"e_tag": held.meta["e_tag"], "version": held.meta["version"]}
                self._store.put(path, new, mode={name: tag for name, tag in known.items() if tag})
                return True
        except (AlreadyExistsError, PreconditionError):
            # If the answer to the first request was lost, obstore repeated it, and the repetition met our own bytes.
            return self.read(path) == new
        except FileNotFoundError:
            return False

    def copy(self, source: str, target: str) -> None:
        with self._errors(source):
            self._store.copy(source, target)

    def sync(self, folder: str) -> None:
        """Do nothing: an object store keeps what it accepted."""

    def delete(self, path: str) -> None:
        with contextlib.suppress(FileNotFoundError), self._errors(path):
            self._store.delete(path)

    def list(self, prefix: str = "") -> Iterator[tuple[str, Stat]]:
        with self._no_bucket(), self._errors(prefix, listing=True, watch=False):
            for batch in each_watched(iter(self._store.list(prefix or None)), f"{self.root}/{prefix}"):
                for meta in batch:
                    yield meta["path"], _stat(meta)

    def children(self, folder: str = "") -> tuple[tuple[str, ...], tuple[str, ...]]:
        with self._no_bucket(), self._errors(folder, listing=True):
            found = self._store.list_with_delimiter(folder or None)
        folders = sorted(prefix.rpartition("/")[2] for prefix in found["common_prefixes"])
        return tuple(folders), tuple(sorted(meta["path"].rpartition("/")[2] for meta in found["objects"]))

    @contextlib.contextmanager
    def fetch(self, path: str) -> Iterator[IO[bytes]]:
        with tempfile.TemporaryFile(prefix="clipmill-") as file:
            with self._errors(path, watch=False):
                chunks = self._store.get(path).stream(min_chunk_size=_CHUNK)
                for chunk in each_watched(iter(chunks), f"{self.root}/{path}"):
                    file.write(chunk)
            file.seek(0)
            yield file

    def free(self) -> int | None:
        return None

    def upload(self, path: str, file: IO[bytes]) -> None:
        """Write an object from the bytes of a local file; it appears when all have arrived."""
        try:
            self._upload_once(path, file)
        except StorageError as error:
            # The answer to the last request was lost; repeated, it found that the upload had been completed.
            if "404 Not Found" not in str(error):
                raise
            self._upload_once(path, file)

    def _upload_once(self, path: str, file: IO[bytes]) -> None:
        file.seek(0)
        with self._no_bucket(), self._errors(path, watch=False):  # large files take their time
            self._store.put(path, file, chunk_size=PART, max_concurrency=_PARTS_AT_ONCE)

    @contextlib.contextmanager
    def _no_bucket(self) -> Iterator[None]:
        """Raise UsageError for FileNotFoundError: writing and listing miss nothing but the bucket."""
        try:
            yield
        except FileNotFoundError as error:
            raise UsageError(f"{self.root}: there is no such bucket") from error

    @contextlib.contextmanager
    def _errors(self, path: str, *, listing: bool = False, watch: bool = True) -> Iterator[None]:
        try:
            with watched(f"{self.root}/{path}") if watch else contextlib.nullcontext():
                yield
        except (NotFoundError, FileNotFoundError) as error:
            raise FileNotFoundError(f"{self.root}/{path}") from error
        except (AlreadyExistsError, PreconditionError):
            raise
        except BaseError as error:
            first_line = str(error).strip().splitlines()[0]
            if _METADATA in first_line:
                raise UsageError(f"{self.root}: no credentials were found; {self._credentials()}") from error
            # A refused listing has no class of its own, as other requests have.
            refused = isinstance(error, PermissionDeniedError | UnauthenticatedError)
            if refused or (listing and ("403 Forbidden" in first_line or "401 Unauthorized" in first_line)):
                raise UsageError(f"{self.root}: access is denied; {self._credentials()}") from error
            if listing and "404 Not Found" in first_line:
                raise FileNotFoundError(f"{self.root}/{path}") from error
            raise StorageError(f"{self.root}/{path}: {first_line}") from error

    def _credentials(self) -> str:
        """Return what to do where credentials are missing or wrong."""
        if self.root.startswith("gs://"):
            return "set GOOGLE_APPLICATION_CREDENTIALS to a key file, or run on a machine whose account may use it"
        return "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run on a machine whose role may use it"


class _Upload:
    """A writer that keeps its bytes in a local file and uploads them when the block ends well."""

    def __init__(self, storage: ObjectStorage, path: str) -> None:
        self._storage = storage
        self._path = path
        self._waiting = tempfile.SpooledTemporaryFile(max_size=PART, prefix="clipmill-")  # noqa: SIM115

    def __enter__(self) -> Writer:
        return self._waiting

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._waiting:
            if kind is None:
                self._storage.upload(self._path, self._waiting)


def _settings(root: str) -> tuple[Any, bool]:
    """Return the settings that obstore does not read from the environment itself, and whether http:// is allowed."""
    if not root.startswith("gs://"):
        return {}, os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://")
    emulator = os.environ.get("STORAGE_EMULATOR_HOST")
    if not emulator:
        return {}, False
    url = emulator if "://" in emulator else f"http://{emulator}"
    key = {"gcs_base_url": url, "disable_oauth": True, "client_email": "", "private_key": "", "private_key_id": ""}
    return {"service_account_key": json.dumps(key), "skip_signature": True}, url.startswith("http://")


@contextlib.contextmanager
def _nothing_there() -> Iterator[None]:
    """Ignore "range not satisfiable": a range that begins at or after an object's end is empty."""
    try:
        yield
    except BaseError as error:
        if "416 Range Not Satisfiable" not in str(error):
            raise


def _stat(meta: Any) -> Stat:
    return Stat(meta["size"], meta.get("e_tag") or str(meta["last_modified"]), meta["last_modified"].timestamp())
