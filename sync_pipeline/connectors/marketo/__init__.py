"""Marketo Engage by its REST and bulk interfaces, without a client library (decision 9).

`login` gets a token, `limits` keeps what may be asked, `calls` asks; `answers` says what an answer means, `kinds` how
each kind of record is called. Reading: `feed` knows what changed, `exports` streams files, `rows` spells records.
Writing: `writes` and `imports`. `connector` puts it together.
"""

from sync_pipeline.connectors.marketo.connector import Marketo, Reach
from sync_pipeline.connectors.marketo.limits import Limits
from sync_pipeline.connectors.marketo.login import Credentials

__all__ = ["Credentials", "Limits", "Marketo", "Reach"]
