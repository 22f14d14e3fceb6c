"""The two sides of a pairing, as tables and messages name them."""

from __future__ import annotations

CRM, MARKETO = "crm", "marketo"
