"""The standard objects of every subscription: person, company, opportunity, role, sales person, membership.

Names, labels and types after Adobe's list of standard fields, the describe examples of its guide and public
fixtures of a real describe; numbers of fields are ours where no source tells them.
"""

from __future__ import annotations

from sync_pipeline.sandbox.marketo.records.fields import ObjectType, by_name, declared, on_company

_COMPANY = """
    2  company              string     co      Company Name
    3  site                 string     co      Site
    4  billingStreet        text       co      Billing Address
    5  billingCity          string     co      Billing City
    6  billingState         string     co      Billing State
    7  billingCountry       string     co      Billing Country
    8  billingPostalCode    string     co      Billing Postal Code
    9  website              url        co      Website
    10 mainPhone            phone      co      Main Phone
    11 annualRevenue        currency   co      Annual Revenue
    12 numberOfEmployees    integer    co      Num Employees
    13 industry             string     co      Industry
    14 sicCode              string:40  co      SIC Code
    16 mktoCompanyNotes     textarea   co      Company Notes
"""
_PERSON = """
    20 externalCompanyId    string:100 -       External Company Id
    40 id                   integer    ro      Id
    41 mktoName             string     ro      Full Name
    42 personType           string:50  ro      Person Type
    43 mktoIsPartner        boolean    -       Is Partner
    44 isLead               boolean    -       Is Lead
    45 mktoIsCustomer       boolean    -       Is Customer
    46 isAnonymous          boolean    ro      Is Anonymous
    47 salutation           string     se      Salutation
    48 firstName            string     se      First Name
    49 middleName           string     se      Middle Name
    50 lastName             string     se      Last Name
    51 email                email      se      Email Address
    52 phone                phone      se      Phone Number
    53 mobilePhone          phone      se      Mobile Phone Number
    54 fax                  phone      se      Fax Number
    55 title                string     se      Job Title
    56 dateOfBirth          date       se      Date of Birth
    57 address              text       se      Address
    58 city                 string     se      City
    59 state                string     se      State
    60 country              string     se      Country
    61 postalCode           string     se      Postal Code
    62 originalSourceType   string     ro      Original Source Type
    63 originalSourceInfo   string:2000 ro     Original Source Info
    64 registrationSourceType string   ro      Registration Source Type
    65 registrationSourceInfo string:2000 ro   Registration Source Info
    66 originalSearchEngine string     ro      Original Search Engine
    67 originalSearchPhrase string     ro      Original Search Phrase
    68 originalReferrer     url        ro      Original Referrer
    69 emailInvalid         boolean    -       Email Invalid
    70 emailInvalidCause    string     -       Email Invalid Cause
    71 unsubscribed         boolean    se      Unsubscribed
    72 unsubscribedReason   string     -       Unsubscribed Reason
    73 doNotCall            boolean    -       Do Not Call
    74 mktoDoNotCallCause   string     -       Do Not Call Cause
    75 doNotCallReason      string     -       Do Not Call Reason
    76 mktoPersonNotes      textarea   -       Person Notes
    77 anonymousIP          string     ro      Anonymous IP
    78 inferredCompany      string     ro      Inferred Company
    79 inferredCountry      string     ro      Inferred Country
    80 inferredCity         string     ro      Inferred City
    81 inferredStateRegion  string     ro      Inferred State Region
    82 inferredPostalCode   string     ro      Inferred Postal Code
    83 inferredMetropolitanArea string ro      Inferred Metropolitan Area
    84 inferredPhoneAreaCode string    ro      Inferred Phone Area Code
    85 department           string     -       Department
    86 createdAt            datetime   ro      Created At
    87 updatedAt            datetime   ro      Updated At
    88 cookies              string     ro      Cookies
    89 externalSalesPersonId string    -       External Sales Person Id
    90 leadRole             string:50  -       Role
    91 leadSource           string     -       Person Source
    92 leadStatus           string     -       Person Status
    93 leadScore            score      -       Person Score
    94 urgency              float      ro      Urgency
    95 priority             integer    ro      Priority
    96 relativeScore        integer    ro      Relative Score
    97 relativeUrgency      integer    ro      Relative Urgency
    98 rating               string     -       Lead Rating
    99 leadPartitionId      integer    ro      Lead Partition Id
    100 gender              string:6   -       Marketo Social Gender
    101 linkedInProfileURL  url        -       Marketo Social LinkedIn Profile URL
    102 facebookId          string     -       Marketo Social Facebook Id
    103 twitterId           string     -       Marketo Social Twitter Id
    104 linkedInId          string     -       Marketo Social LinkedIn Id
    105 acquisitionProgramId integer   ro      Acquisition Program
    106 mktoAcquisitionDate datetime   ro      Acquisition Date
    107 externalPersonId    string:100 -       External Person Id
    108 sfdcId              string:18  ro      SFDC Id
    109 sfdcType            string:50  ro      SFDC Type
    110 sfdcLeadId          string:18  ro      SFDC Lead Id
    111 sfdcContactId       string:18  ro      SFDC Contact Id
    112 sfdcAccountId       string:18  ro      SFDC Account Id
    113 sfdcLeadOwnerId     string:18  ro      SFDC Lead Owner Id
    114 sfdcOpptyId         string:18  ro      SFDC Oppty Id
    115 marketoTimeZone     string     -       Person Time Zone
    116 ecids               string     ro      Adobe Experience Cloud Ids
"""
_STAMPS = """
    1  createdAt             datetime   ro Created At
    2  updatedAt             datetime   ro Updated At
"""
_GUID = "    3  marketoGUID           string:36  ro Marketo GUID"
_OPPORTUNITY = f"""{_GUID}{_STAMPS}
    4  externalOpportunityId string:50  ro External Opportunity Id
    5  name                  string     -  Name
    6  description           string:2000 - Description
    7  type                  string     -  Type
    8  stage                 string     -  Stage
    9  lastActivityDate      date       -  Last Activity Date
    10 isClosed              boolean    -  Is Closed
    11 isWon                 boolean    -  Is Won
    12 amount                currency   -  Amount
    13 closeDate             date       -  Close Date
    14 fiscalQuarter         string     -  Fiscal Quarter
    15 fiscalYear            string     -  Fiscal Year
    16 forecastCategory      string     -  Forecast Category Name
    17 nextStep              string     -  Next Step
    18 probability           integer    -  Probability
    19 source                string     -  Source
    20 expectedRevenue       currency   -  Expected Revenue
    21 quantity              float      -  Quantity
    22 externalCreatedDate   datetime   -  External Created Date
    23 externalSalesPersonId string     -  External Sales Person Id
    24 externalCompanyId     string:100 -  External Company Id
"""
_ROLE = f"""{_GUID}{_STAMPS}
    4  externalOpportunityId string:50  ro External Opportunity Id
    5  leadId                integer    ro Lead Id
    6  role                  string:50  ro Role
    7  isPrimary             boolean    -  Is Primary
    8  externalCreatedDate   datetime   -  External Created Date
"""
_SALES_PERSON = f"""
    3  id                    integer    ro Marketo Id
    {_STAMPS}
    4  externalSalesPersonId string     ro External Sales Person Id
    5  email                 email      -  Email
    6  firstName             string     -  First Name
    7  lastName              string     -  Last Name
    8  phone                 phone      -  Phone
    9  title                 string     -  Title
"""
# The membership of a person in a program; `statusName` goes only forward.
_MEMBER = """
    1  leadId             integer  ro Lead Id
    2  programId          integer  ro Program Id
    3  program            string   ro Program
    4  statusName         string   ro Status
    5  acquiredBy         boolean  ro Acquired By
    6  reachedSuccess     boolean  ro Success
    7  reachedSuccessDate datetime ro Success Date
    8  membershipDate     datetime ro Member Date
    9  isExhausted        boolean  ro Nurture Exhausted
    10 nurtureCadence     string:4 ro Nurture Cadence
    11 trackName          string   ro Nurture Track
    12 statusReason       string   ro Status Reason
    13 webinarUrl         string:2000 - Webinar URL
    14 registrationCode   string:100 - Registration Code
    15 createdAt          datetime ro Created At
    16 updatedAt          datetime ro Updated At
"""

# What a call may look a person up by besides e-mail, id and custom fields (contract of leads.json).
PERSON_KEYS = (
    "id", "email", "cookies", "facebookId", "linkedInId", "twitterId", "leadPartitionId", "externalPersonId",
    "externalCompanyId", "externalSalesPersonId", "sfdcId", "sfdcAccountId", "sfdcContactId", "sfdcLeadId",
    "sfdcLeadOwnerId", "sfdcOpptyId",
)  # fmt: skip


def objects() -> list[ObjectType]:
    """Return the objects of a new subscription."""
    person = [*declared(_COMPANY), *declared(_PERSON)]
    company = [
        *declared("1 id integer ro Id"),
        *declared("20 externalCompanyId string:100 ro External Company Id"),
        *declared("86 createdAt datetime ro Created At\n87 updatedAt datetime ro Updated At"),
        *map(on_company, declared(_COMPANY)),
        *declared("89 externalSalesPersonId string - External Sales Person Id"),
    ]
    return [
        ObjectType("lead", "Lead", "id", ("email",), tuple((key,) for key in PERSON_KEYS), by_name(person)),
        ObjectType(
            "company", "Company", "id", ("externalCompanyId",), (("externalCompanyId",), ("id",), ("company",)),
            by_name(company), description="Company object",
        ),
        ObjectType(
            "opportunity", "Opportunity", "marketoGUID", ("externalOpportunityId",),
            (("externalOpportunityId",), ("marketoGUID",)), by_name(declared(_OPPORTUNITY)),
        ),
        ObjectType(
            "opportunityRole", "Opportunity Role", "marketoGUID", ("externalOpportunityId", "leadId", "role"),
            (("externalOpportunityId", "leadId", "role"), ("marketoGUID",), ("leadId",), ("externalOpportunityId",)),
            by_name(declared(_ROLE)),
        ),
        ObjectType(
            "salesPerson", "Sales Person", "id", ("externalSalesPersonId",),
            (("email",), ("id",), ("externalSalesPersonId",)), by_name(declared(_SALES_PERSON)),
        ),
        ObjectType(
            "programMember", "API Program Membership", "leadId", ("leadId", "programId"),
            (("leadId",), ("reachedSuccess",), ("statusName",)), by_name(declared(_MEMBER)),
            description="Map for API program membership fields",
        ),
    ]  # fmt: skip
