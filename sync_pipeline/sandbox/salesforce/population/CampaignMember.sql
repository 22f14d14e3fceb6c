-- Members 2m and 2m+1 are one person in two neighbouring campaigns, so that no pair occurs twice. A person and a
-- campaign take their memberships along to the recycle bin.
select
  n,
  id_Campaign(campaign) as CampaignId,
  case when is_lead then id_Lead(record) end as LeadId,
  case when not is_lead then id_Contact(record) end as ContactId,
  case when is_lead then id_Lead(record) else id_Contact(record) end as LeadOrContactId,
  case when is_lead then 'Lead' else 'Contact' end as Type,
  ['Sent', 'Registered', 'Attended', 'Responded'][status + 1] as Status,
  status >= 2 as HasResponded,
  case when status >= 2 then birth(n, 'CampaignMember')::date end as FirstRespondedDate,
  first_name(person) as FirstName,
  last_name(person) as LastName,
  full_name(first_name(person), last_name(person)) as Name,
  email(person, box) as Email,
  city(person) as City,
  country(person) as Country,
  pool('job', person, 'job') as Title,
  chance(0.06, person, 'opt out') as HasOptedOutOfEmail,
  is_dead(campaign, 'Campaign')
  or case when is_lead then is_dead(record, 'Lead') else is_dead(record, 'Contact') end as IsDeleted
from (select *, mailbox(person) as box, below(4, n, 'member status') as status from (
  select *, case when is_lead then record else person_of_contact(record) end as person
  from (
    select
      *,
      case
        when is_lead then couple * total('Lead') // (total('CampaignMember') // 2 + 1)
        else couple * total('Contact') // (total('CampaignMember') // 2 + 1)
      end as record
    from (
      select
        n,
        n // 2 as couple,
        (earlier(n // 2 * 2, 'CampaignMember', 'Campaign', 'of') + n % 2) % total('Campaign') as campaign,
        chance(0.55, n // 2, 'is lead') as is_lead
      from numbers('CampaignMember')
    )
  )
))
