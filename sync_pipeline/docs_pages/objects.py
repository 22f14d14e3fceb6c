"""The pages of the declared objects, of Salesforce and Marketo on one, of Veeva on another."""

from __future__ import annotations

from collections.abc import Sequence

from sync_pipeline import catalog
from sync_pipeline.docs_pages.markdown import NOTE, table
from sync_pipeline.model import Direction, KnownBy, Mapping, Object

ARROWS = {
    Direction.BOTH: "both ways",
    Direction.CRM_TO_MARKETO: "CRM → Marketo",
    Direction.MARKETO_TO_CRM: "Marketo → CRM",
}
MARKETO = """Tables of `lake.marketo`, when `MARKETO_URL` is set. How they are read:

- **First load**: by bulk extract, a job for every 31 days since `MARKETO_FIRST_DAY`, two at a time. A subscription may
  export 500 MB a day; at it the load pauses, says how far it is, and goes on with the parts that are missing.
- **A cycle**: the feed of activities and of deletions since the last one, read once for all objects; then the persons
  and memberships that it names, 300 a call. Nothing changed: four calls. A window that begins more than three days ago
  is read by bulk extract instead.
- **Deleted and merged persons** (activities 31, 32 and the deletions): the row stays with its last values, `isDeleted`
  is true, `mergedInto` names the winner, and the change is a `delete` or a `merge`.
- **What nobody lists**: Marketo neither lists companies, opportunities, roles and sales persons nor tells changes of
  them. They are read by the keys that other tables name, when rows that name them are written; all of them by the
  weekly comparison, which also finds those that are gone.
- **Not seen** before that comparison: edits of a company with more than 5,000 people, of an opportunity made in Marketo
  itself, memberships that were removed, and those of a person that was merged away.
"""
VEEVA_IN_MARKETO = """## What Marketo needs

- **For calls and key messages** (`VEEVA_CALL_OBJECTS`) two custom objects, whose deduplication field is the text
  `veevaId`: `veevaCall_c` with `leadId`, a link to the person's `id`, `callDate`, a date, and `isParentCall`, an
  integer; `veevaCallKeyMessage_c` with `callId`, a link to `veevaId` of `veevaCall_c`. Their other fields,
  below, are texts.
- **For people** a truth field `isPersonAccount`, and one of a name of your own for `MARKETO_DELETED_FIELD`.
- **For a custom object of Veeva** one that is called alike, with a text as deduplication field and a link to the
  person, the company or `veevaCall_c`; see [what is paired](deciding.md#what-is-paired).

How long calls stay there, and who is right about a field, is in [deciding.md](deciding.md).
"""


def objects_page(crm: Sequence[Object], marketo: Sequence[Object]) -> str:
    """Return the page of all declared objects with their mappings."""
    parts = [
        f"{NOTE}\n# Objects\n",
        "What is mirrored, from which object, and which fields are mapped to Marketo. Every other field that the sync "
        "user can see is mirrored too, under its own name; nothing is ignored silently. Custom objects are chosen with "
        "`SYNC_CUSTOM_OBJECTS` and `MARKETO_CUSTOM_OBJECTS`. Below: [Marketo](#objects-of-marketo).\n",
        *(_object(obj) for obj in crm),
        "## Objects of Marketo\n",
        MARKETO,
        *(_object(obj) for obj in marketo),
        "## Fields the native sync ignores\n",
        "Marketo's own sync leaves these out without telling (SPEC 11.3, FIELD-24). Here they are mirrored like "
        "others.\n",
        table(("object", "fields"), [(o, ", ".join(f)) for o, f in catalog.IGNORED_BY_NATIVE.items()]),
    ]
    return "\n".join(parts)


def veeva_page() -> str:
    """Return the page of the objects of a Veeva org, and of those that are left out."""
    parts = [
        f"{NOTE}\n# Objects of Veeva CRM\n",
        "Mirrored with `CRM=veeva`, into `lake.veeva`. People are the person accounts of the record types in "
        "`VEEVA_PROFESSIONAL_TYPES`; on Marketo's side each is a company and a person. Every other field that the sync "
        "user can see is mirrored too. Further custom objects are chosen with `SYNC_CUSTOM_OBJECTS`.\n",
        VEEVA_IN_MARKETO,
        *(_object(obj) for obj in catalog.objects("veeva")),
        "## Objects that are left out\n",
        "The sync user may see them. They are neither mirrored nor written, and asking for one says why. Business "
        "accounts are rows of `account`, and stay out of Marketo.\n",
        table(("object", "why"), [(f"`{name}`", why) for name, why in catalog.refused("veeva").items()]),
    ]
    return "\n".join(parts)


def _object(obj: Object) -> str:
    facts = [
        ("table", f"`lake.{'.'.join(obj.table)}`, changes in `lake.{'.'.join(obj.changes_table)}`"),
        ("source", f"`{obj.source}`"),
        ("partitioned by", f"UTC month of `{obj.stamp}`"),
        ("no change in itself", ", ".join(f"`{n}`" for n in (*obj.bookkeeping, *obj.disregarded))),
        ("never read", "; ".join(f"`{n}`: {why}" for n, why in obj.unread.items())),
        ("must be visible (SPEC 2.1)", ", ".join(f"`{n}`" for n in obj.required)),
        ("must be writable", ", ".join(f"`{n}`" for n in obj.updateable)),
        ("named by mappings", ", ".join(f"`{n}`" for n in obj.wanted)),
        ("read by keys of", "; ".join(_known(known) for known in obj.known_by)),
        ("read again by keys of", "; ".join(_known(known) for known in obj.again_by)),
        ("read every", str(obj.every) if obj.every else ""),
        ("conflict rule", obj.rule.value),
    ]
    text = f"## {obj.title if obj.system == 'marketo' else obj.name}\n\n{obj.description}\n\n" + table(
        ("", ""), [fact for fact in facts if fact[1]]
    )
    if not obj.mappings:
        return text
    return text + "\n" + table(("CRM field", "Marketo field", "on", "direction", "rule"), map(_mapping, obj.mappings))


def _known(known: KnownBy) -> str:
    only = "".join(f", where `{n}` is {', '.join(map(str, values))}" for n, values in known.only.items())
    return f"`lake.{'.'.join(known.table)}.{known.column}`{only} (`{known.by}`)"


def _mapping(mapping: Mapping) -> tuple[str, ...]:
    marketo = f"`{mapping.marketo}`" if mapping.marketo else f"{mapping.label} (kept in our links)"
    rule = mapping.rule.value if mapping.rule else "the object's"
    return f"`{mapping.crm}`", marketo, mapping.on, ARROWS[mapping.direction], rule
