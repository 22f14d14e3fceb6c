"""A result page in CSV, from the socket to text batches: no Python object per record."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

import pyarrow as pa
import pyarrow.csv as csv
import requests

from sync_pipeline.connectors.errors import RejectedError
from sync_pipeline.connectors.extract import Batches
from sync_pipeline.connectors.http import connection_failed
from sync_pipeline.texts import VISIBLE_NUL

# A record must fit in a block: the long text fields of one record hold at most 1.6 million characters.
BLOCK_BYTES = 8 << 20


def stream_csv(
    answer: requests.Response,
    fields: Sequence[str],
    seen: Callable[[bytes], None],
    nulls: Sequence[str] = ("",),
    *,
    quoted_nulls: bool = True,
) -> Batches:
    """Read an answer that is being streamed as text batches, and close it.

    Args:
        seen: told of every chunk of the decoded body.
        nulls: spellings that mean no value; all else is kept to the letter.
        quoted_nulls: whether they mean it in quotes too.

    Raises:
        RetryableError: the page broke off.
        RejectedError: its columns are not the fields that were asked for.
    """
    with answer:
        try:
            yield from _read_csv(_Body(answer, seen), fields, nulls, quoted_nulls)
        except (requests.RequestException, OSError, pa.ArrowInvalid) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise  # our own disk, not the page
            raise connection_failed(answer.url, error) from error


def _read_csv(body: io.RawIOBase, fields: Sequence[str], nulls: Sequence[str], quoted_nulls: bool) -> Batches:
    """Parse CSV to text columns."""
    reader = csv.open_csv(
        pa.PythonFile(body, mode="r"),
        # Pages are read side by side: threads within a page as well cost half as much CPU again.
        read_options=csv.ReadOptions(block_size=BLOCK_BYTES, use_threads=False),
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(
            column_types=dict.fromkeys(fields, pa.string()),
            strings_can_be_null=True,
            quoted_strings_can_be_null=quoted_nulls,
            null_values=list(nulls),
        ),
    )
    with reader:
        if missing := set(fields) - set(reader.schema.names):
            raise RejectedError("INVALID_FIELD", f"the result page has no column {', '.join(sorted(missing))}")
        for batch in reader:
            yield batch.select(list(fields))


class _Body(io.RawIOBase):
    """The decoded bytes of an answer as they arrive, shown to `seen`, with NULs made visible."""

    def __init__(self, answer: requests.Response, seen: Callable[[bytes], None]) -> None:
        super().__init__()
        self._raw = answer.raw
        self._seen = seen

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        try:
            chunk: bytes = self._raw.read(size if size >= 0 else None, decode_content=True)
        except Exception as error:  # urllib3's own errors differ by version; all mean the page broke off
            raise ConnectionError(type(error).__name__) from error
        self._seen(chunk)
        return chunk.replace(b"\0", VISIBLE_NUL.encode()) if b"\0" in chunk else chunk
