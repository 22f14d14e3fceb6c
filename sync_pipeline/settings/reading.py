"""Settings of what is read, and how often."""

from __future__ import annotations

from datetime import date

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings

from sync_pipeline.settings.spelling import ByName, Names
from sync_pipeline.sync.scope import filters


class ReadingSettings(BaseSettings):
    """What is read, and when."""

    sync_filters: ByName = Field(
        default_factory=dict,
        description="Which records of an object of the CRM are synced, as in `lead: Country in ('DE', 'AT') and not "
        "IsTest__c; contact: Sync__c`, in the words of SOQL (FILT-3); docs/filters.md tells more.",
    )
    sync_filter_cascade: bool = Field(
        False,
        description="Whether a filter on contacts decides on accounts, and accounts on opportunities, as in Marketo's "
        "sync with Dynamics: an account without a filter of its own takes part if one of its contacts does (FILT-4).",
    )
    sync_custom_objects: Names = Field(
        (),
        description="Custom objects to mirror besides the standard ones, by API name, separated by commas, parents "
        "first. One that is called like one of MARKETO_CUSTOM_OBJECTS (Car_Sale__c, carSale_c) is copied to it.",
    )
    sync_pause_seconds: float = Field(
        300.0, ge=0, description="Pause between the end of one cycle and the start of the next (GEN-1)."
    )
    sync_first_month: date = Field(
        date(2020, 1, 1), description="First month that is a partition of its own; it stands for all before it too."
    )
    sync_overlap_seconds: float = Field(300.0, ge=0, description="How far a window reaches back before the watermark.")
    sync_lag_seconds: float = Field(5.0, ge=0, description="How long before now a window ends.")
    sync_describe_seconds: float = Field(
        3600.0, ge=0, description="Age at which an object's schema is asked for again."
    )
    sync_most_deletes: float = Field(
        0.1,
        gt=0,
        le=1,
        description="Share of an object's records that an id comparison may find gone, or of its links that a cycle "
        "may end, as their records were deleted, merged, converted, hidden or filtered out; above it, stop (DEL-10).",
    )
    sync_page_threads: int = Field(2, ge=1, description="Result pages read at once, per object.")
    sync_object_threads: int = Field(4, ge=1, description="Objects read at once.")
    sync_keep_days: float = Field(
        90.0, gt=0, description="How long runs, jobs, notices and resolved errors stay on record (OPS-17)."
    )

    sync_request_seconds: float = Field(
        900.0,
        gt=0,
        description="How long one request to a system may take, with its repetitions and the waits that the system "
        "asks for, from the first try to the last byte; afterwards its object fails, and the next cycle tries anew.",
    )
    sync_job_seconds: float = Field(
        14_400.0,
        gt=0,
        description="How long one bulk job of a system is waited for (query, ingest, export, import), and how long its "
        "file may take; afterwards a query or an export is given up.",
    )
    sync_object_seconds: float = Field(
        43_200.0,
        gt=0,
        description="How long one object may take in one cycle, and so long all that the cycle writes; afterwards "
        "nothing more is asked for, and the next cycle goes on with what landed.",
    )
    sync_answer_megabytes: float = Field(
        256.0, gt=0, description="Most megabytes, unpacked, of an answer that is taken into memory; files are streamed."
    )
    sync_most_pages: int = Field(
        50_000, ge=1, description="Most pages of one result; above it the result is taken for endless."
    )

    @field_validator("sync_filters", mode="before")
    @classmethod
    def _conditions(cls, given: object) -> object:
        return filters.by_object(given) if isinstance(given, str) else given

    @field_validator("sync_first_month")
    @classmethod
    def _month(cls, given: date) -> date:
        return given.replace(day=1)
