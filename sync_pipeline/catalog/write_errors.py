"""What a CRM's refusal of a write calls for, by its code (SIA-DIAG-1 to 3)."""

from __future__ import annotations

ACCESS, AUTHENTICATION, INTERMITTENT, OTHER = "access/validation", "authentication", "intermittent", "other"

CATEGORIES = {
    **dict.fromkeys(
        (
            "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "CANNOT_UPDATE_CONVERTED_LEAD", "ENTITY_IS_LOCKED",
            "FIELD_CUSTOM_VALIDATION_EXCEPTION", "FIELD_FILTER_VALIDATION_EXCEPTION", "FIELD_INTEGRITY_EXCEPTION",
            "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", "INSUFFICIENT_ACCESS_OR_READONLY", "INVALID_FIELD",
            "INVALID_FIELD_FOR_INSERT_UPDATE", "INVALID_TYPE", "REQUIRED_FIELD_MISSING", "TXN_SECURITY_NO_ACCESS",
        ),
        ACCESS,
    ),
    **dict.fromkeys(
        (
            "API_CURRENTLY_DISABLED", "AUTHENTICATION_FAILURE", "EXPIRED_ACCESS", "INACTIVE_ORGANIZATION",
            "INACTIVE_USER", "INVALID_GRANT",
        ),
        AUTHENTICATION,
    ),
    **dict.fromkeys(
        (
            "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE", "QUERY_TIMEOUT", "REQUEST_LIMIT_EXCEEDED",
            "SERVER_UNAVAILABLE", "UNABLE_TO_LOCK_ROW",
        ),
        INTERMITTENT,
    ),
    **dict.fromkeys(("FAILED_WRITE", "UNKNOWN_EXCEPTION"), OTHER),
}  # fmt: skip


def category(code: str) -> str:
    """Return the category of a code; what is in none is other. Only what is intermittent is tried again by itself."""
    return CATEGORIES.get(code, OTHER)
