"""The fields of Veeva's calls and call key messages (SPEC 22.4), on Marketo custom objects with the same names as ours.

In REST terms both are custom objects that hang on the person (VV-CALL-8). Marketo's guide names no fields for them, so
their names there are ours to give; the labels are those of Marketo's own Veeva sync.
"""

from __future__ import annotations

from functools import partial

from sync_pipeline.catalog.directions import to_marketo
from sync_pipeline.model import Mapping

_of_call = partial(to_marketo, on="call")
_of_message = partial(to_marketo, on="call_key_message")

CALL: tuple[Mapping, ...] = (
    _of_call("Id", "veevaId", "Veeva Id"),
    # The attendee of a group call has a call of his own, so nothing is lost by one person a call (VV-CALL-6).
    _of_call("Account_vod__c", "leadId", "Account", refers_to="person_account"),
    _of_call("Call_Type_vod__c", "callType", "Call Type"),
    _of_call("Contact_vod__c", "contactId", "Contact"),
    _of_call("Call_Date_vod__c", "callDate", "Date"),
    _of_call("Is_Parent_Call_vod__c", "isParentCall", "Is Parent Call?"),
    _of_call("Status_vod__c", "callStatus", "Status"),
    _of_call("RecordTypeId", "recordTypeId", "Record Type"),
)

CALL_KEY_MESSAGE: tuple[Mapping, ...] = (
    _of_message("Id", "veevaId", "Veeva Id"),
    # Written once its call is, parked until then (VV-CALL-7); the call says whose it is.
    _of_message("Call2_vod__c", "callId", "Call", refers_to="call"),
    _of_message("Category_vod__c", "category", "Category"),
    _of_message("Clm_Presentation_Name_vod__c", "clmPresentationName", "CLM Presentation Name"),
    _of_message("Key_Message_Name_vod__c", "keyMessageName", "Key Message Name"),
    _of_message("Product_Name__c", "productName", "Product Name"),
    _of_message("Reaction_vod__c", "reaction", "Reaction"),
)
