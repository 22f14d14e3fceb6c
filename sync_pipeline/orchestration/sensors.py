"""The sensor that keeps the sync going: a cycle, a pause counted from its end, the next cycle (GEN-1)."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import dagster as dg

from sync_pipeline.assembly import declarations
from sync_pipeline.connectors.clock import AGREEMENT
from sync_pipeline.lake import LakeError, pause
from sync_pipeline.orchestration.resources import SyncResource

# A run that Dagster believes to be running holds the lake's lock soon after its start. Without it, it is dead.
STARTING = timedelta(minutes=2)


@dataclass(frozen=True)
class Last:
    """The newest run of the cycle, as Dagster knows it. `ended_at` is None while it is not over."""

    run_id: str
    began_at: datetime
    ended_at: datetime | None


def why_wait(last: Last | None, lake_in_use: bool, now: datetime, rest: timedelta, switched_off: str = "") -> str:
    """Return why no cycle starts now; empty if one does. Pure."""
    if switched_off:
        return switched_off
    if lake_in_use:
        return "a sync is at work on the lake; the next cycle starts after its pause"
    if last is None:
        return ""
    if last.ended_at is None:
        if -AGREEMENT < now - last.began_at < STARTING:
            return f"run {last.run_id[:8]} is starting"
        return ""
    next_at = last.ended_at + rest
    if last.ended_at - AGREEMENT < now < next_at:  # a run that ended in the future ended before the clock was set back
        return f"the next cycle starts at {next_at:%H:%M:%S} UTC, {rest} after the last one ended"
    return ""


def cycle_sensor(job: dg.JobDefinition, months: dg.MonthlyPartitionsDefinition) -> dg.SensorDefinition:
    @dg.sensor(
        name="cycle_sensor",
        job=job,
        minimum_interval_seconds=15,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Starts a cycle when the last one ended as long ago as SYNC_PAUSE_SECONDS says.",
    )
    def sensor(context: dg.SensorEvaluationContext, sync: SyncResource) -> dg.SensorResult | dg.SkipReason:
        given = sync.settings()
        if not given.has_credentials():
            return dg.SkipReason(
                "no credentials: set SALESFORCE_CLIENT_ID, MARKETO_CLIENT_ID and the others of docs/settings.md"
            )
        if undecided := declarations.undecided(given):
            return dg.SkipReason(undecided)
        last = _last(context.instance, job.name)
        now = datetime.now(UTC)
        in_use, switched_off = state(sync)
        wait = why_wait(last, in_use, now, timedelta(seconds=given.sync_pause_seconds), switched_off)
        if wait:
            return dg.SkipReason(wait)
        if last and last.ended_at is None:
            _give_up(context.instance, last.run_id)
        key = f"after {last.run_id}" if last else "first"
        return dg.SensorResult([dg.RunRequest(run_key=key, partition_key=months.get_last_partition_key())])

    return sensor


def _last(instance: dg.DagsterInstance, job_name: str) -> Last | None:
    records = instance.get_run_records(dg.RunsFilter(job_name=job_name), limit=1)
    if not records:
        return None
    record = records[0]
    over = record.dagster_run.is_finished
    ended = datetime.fromtimestamp(record.end_time, UTC) if over and record.end_time else record.update_timestamp
    return Last(record.dagster_run.run_id, _utc(record.create_timestamp), _utc(ended) if over else None)


def _utc(at: datetime) -> datetime:
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def state(sync: SyncResource) -> tuple[bool, str]:
    """Return whether a pipeline is at work on the lake, and since when and why the sync is switched off."""
    try:
        with sync.lake(read_only=True) as lake, lake.reading() as con:
            return lake.in_use(), str(pause.current(con) or "")
    except LakeError:
        return False, ""  # no lake yet: the first cycle makes it


def _give_up(instance: dg.DagsterInstance, run_id: str) -> None:
    """Report a run failed whose process has died, so that it does not stand in the way for ever."""
    run = instance.get_run_by_id(run_id)
    if run and not run.is_finished:
        instance.report_run_failed(run, "its process is gone: it no longer holds the lake")
