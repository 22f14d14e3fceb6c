"""What the settings choose to mirror and to sync: objects and pairings."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from sync_pipeline import catalog
from sync_pipeline.catalog.flow_actions import COMPANY, LAST_NAME
from sync_pipeline.catalog.veeva import Kept
from sync_pipeline.model import Object, Pairing
from sync_pipeline.settings import Settings
from sync_pipeline.sync.scope.filters import cascaded, filtered


def objects(settings: Settings) -> tuple[Object, ...]:
    """Return the declared objects of all systems and the custom ones chosen in settings, in reading order."""
    calls = settings.veeva_call_objects if settings.crm == "veeva" else ()
    custom = {
        settings.crm: settings.sync_custom_objects,
        "marketo": tuple(dict.fromkeys((*settings.marketo_custom_objects, *calls))),
    }
    types = settings.veeva_professional_types
    declared = (obj for system in settings.systems() for obj in catalog.objects(system, custom[system]))
    return tuple(obj if obj.chosen_types is None else replace(obj, chosen_types=types) for obj in declared)


def undecided(settings: Settings) -> str:
    """Tell what must be decided before a first sync and is not; empty if nothing is (SPEC 31, decision 31)."""
    names = ", ".join(obj.name for obj in objects(settings) if obj.chosen_types == ())
    said = "VEEVA_PROFESSIONAL_TYPES must name the record types whose people take part"
    return f"{names}: {said}; `sync-pipeline check` lists the org's own" if names else ""


def pairings(settings: Settings) -> tuple[Pairing, ...]:
    """Return what is synced both ways, in the order of writing; nothing while only one system is configured."""
    if len(settings.systems()) < 2:
        return ()
    found = filtered(_pairings(settings), settings.sync_filters)
    return cascaded(found) if settings.sync_filter_cascade else found


def _pairings(settings: Settings) -> tuple[Pairing, ...]:
    given = settings.marketo_person_key, settings.marketo_deleted_field, settings.sync_delete_people
    custom = catalog.custom_pairings(settings.sync_custom_objects, settings.marketo_custom_objects, settings.crm)
    if settings.crm == "veeva":
        kept = Kept(datetime.now(UTC).date(), settings.veeva_call_months)
        types, calls = settings.veeva_professional_types, settings.veeva_call_objects
        return (*catalog.veeva_pairings(types, calls, kept, *given), *custom)
    campaigns = catalog.campaign_pairings(
        settings.sync_campaigns, settings.sync_campaign_removals, settings.sync_member_fields
    )
    standard = catalog.pairings(*given)
    if campaigns and settings.sync_member_leads:
        standard = catalog.with_member_leads(standard, _defaults(settings))
    return (*standard, *custom, *campaigns)


def _defaults(settings: Settings) -> dict[str, str]:
    return {LAST_NAME: settings.flow_default_last_name, COMPANY: settings.flow_default_company}
