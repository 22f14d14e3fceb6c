-- Chance without state: every value is a hash of the seed, the record's number and a word that names the draw, so that
-- records are made in any order, on any number of threads, and always alike.
create or replace temp macro draw(n, word) as hash(getvariable('seed'), n, word);
create or replace temp macro unit(n, word) as (draw(n, word) % 1000003)::double / 1000003;
create or replace temp macro chance(share, n, word) as unit(n, word) < share;
create or replace temp macro below(bound, n, word) as (draw(n, word) % bound::ubigint)::bigint;
create or replace temp macro one_of(list, n, word) as list[1 + below(len(list), n, word)];
create or replace temp macro total(object) as struct_extract(getvariable('totals'), object);

-- The numbers of an object's records; of a table, since DuckDB reads a range with one thread only.
create or replace temp table number as select range as n from range(getvariable('most'));
create or replace temp macro numbers(object) as table select n from number where n < total(object);

-- Records are numbered in the order of their birth, and the org grows: the later, the more are born a day.
create or replace temp macro birth(n, object) as make_timestamp(1000000 * (
  getvariable('since') + getvariable('span') * pow((n + unit(n, 'birth')) / total(object), 0.6))::bigint);
create or replace temp macro seconds_later(stamp, share) as
  make_timestamp(epoch_us(stamp) + 1000000 * (share * (getvariable('until') - epoch(stamp)))::bigint);
-- Number of a record of `other` that was there when the n-th of `object` was born.
create or replace temp macro earlier(n, object, other, word) as
  floor(unit(n, word) * n / total(object) * total(other))::bigint;

-- One record in fifty is in the recycle bin, never two neighbours: what points to it points to the next one instead.
create or replace temp macro is_dead(n, object) as
  n % 50 = below(49, n // 50, object) and n + 1 < total(object);
create or replace temp macro living(n, object) as n + is_dead(n, object)::int;
create or replace temp macro is_merged(n, object) as is_dead(n, object) and n // 50 % 4 = 0;

-- Every tenth contact began as a lead, every third opportunity came of such a conversion; `pair` counts them.
create or replace temp macro pair_holds(pair) as
  12 * pair + 5 < total('Lead') and 10 * pair + 3 < total('Contact')
  and not is_dead(12 * pair + 5, 'Lead') and not is_dead(10 * pair + 3, 'Contact');
create or replace temp macro pair_of_lead(n) as
  case when n % 12 = 5 and pair_holds(n // 12) then n // 12 end;
create or replace temp macro pair_of_contact(n) as
  case when n % 10 = 3 and pair_holds(n // 10) then n // 10 end;
create or replace temp macro pair_of_opportunity(n) as
  case when n % 3 = 0 and pair_holds(n // 3) and not is_dead(n, 'Opportunity') then n // 3 end;

-- Contacts gather at the older companies; a deal is made with a contact at the contact's company.
create or replace temp macro account_of(contact) as
  floor(pow(unit(contact, 'company'), 1.5) * contact / total('Contact') * total('Account'))::bigint;
-- Contacts that may have begun as leads (each tenth) work for a company; of the others some are persons by themselves,
-- whose accounts are numbered after the companies. A merged record is of its master's kind.
create or replace temp macro kind_of(contact) as contact + is_merged(contact, 'Contact')::int;
create or replace temp macro is_person(contact) as
  getvariable('persons') > 0 and kind_of(contact) % 10 <> 3
  and chance(getvariable('persons'), kind_of(contact), 'person account');
create or replace temp macro account_number(contact) as
  case when is_person(contact) then total('Account') + contact else living(account_of(contact), 'Account') end;
create or replace temp macro contact_of(opportunity) as coalesce(
  10 * pair_of_opportunity(opportunity) + 3,
  living(earlier(opportunity, 'Opportunity', 'Contact', 'made with'), 'Contact'));

-- A person is a number: that of the lead, then those of the contacts. Name, place and e-mail follow from it.
create or replace temp macro person_of_contact(n) as coalesce(12 * pair_of_contact(n) + 5, total('Lead') + n);
-- Contacts may be nobody's; those that began as leads are a company's.
create or replace temp macro has_account(contact) as
  is_person(contact) or person_of_contact(contact) < total('Lead') or not chance(0.03, contact, 'private');
create or replace temp macro locale(person) as getvariable('locales')[1 + below(100, person, 'locale')];
create or replace temp macro pool(kind, person, word) as
  getvariable(kind)[1 + locale(person) * getvariable('pool') + below(getvariable('pool'), person, word)];
create or replace temp macro first_name(person) as
  case when not chance(0.02, person, 'no first name') then pool('first', person, 'first') end;
create or replace temp macro last_name(person) as
  case when chance(0.001, person, 'null') then 'Null' when chance(0.001, person, 'na') then 'NA'
  else pool('last', person, 'last') end;
create or replace temp macro full_name(first, last) as concat_ws(' ', first, last);
create or replace temp macro city(person) as left(pool('city', person, 'city'), 40);
create or replace temp macro country(person) as getvariable('countries')[1 + locale(person)];
create or replace temp macro country_code(person) as getvariable('codes')[1 + locale(person)];
create or replace temp macro phone(person, word) as
  case when chance(0.7, person, word)
  then '+' || getvariable('dials')[1 + locale(person)] || ' ' || (100 + below(900, person, word || 'a')) || ' '
    || (1000000 + below(9000000, person, word || 'b')) end;
create or replace temp macro company(number) as
  pool('last', number, 'company') || ' ' || one_of(getvariable('trades'), number, 'trade') || ' '
  || pool('suffix', number, 'suffix');

-- Three people in a hundred share the address of another, half of them in other letters; eight have none.
create or replace temp macro mailbox(person) as
  case when person > 0 and chance(0.03, person, 'double') then below(person, person, 'double of') else person end;
create or replace temp macro address_of(box) as
  pool('first_ascii', box, 'first') || '.' || pool('last_ascii', box, 'last') || box || '@'
  || pool('last_ascii', below(total('Account'), box, 'domain'), 'company') || '.example';
create or replace temp macro email(person, box) as
  case when chance(0.08, person, 'no e-mail') then null
    when box <> person and chance(0.5, person, 'upper') then upper(address_of(box))
    else address_of(box) end;

-- Texts as people type them: several lines, quotes, commas, and words that a careless reader takes for "nothing".
create or replace temp macro street(person) as
  pool('street', person, 'street') || case below(10, person, 'floor')
    when 0 then chr(10) || 'Floor ' || (1 + below(30, person, 'storey'))
    when 1 then ', "Haus am See", c/o Müller & Söhne' else '' end;
create or replace temp macro remark(person) as
  case when chance(0.003, person, 'na text') then 'NA'
    when chance(0.003, person, 'null text') then 'null'
    when chance(0.0005, person, 'long') then left(repeat(pool('text', person, 'text') || chr(10), 800), 30000)
    when chance(0.05, person, 'quoted') then
      'Said: "' || pool('text', person, 'text') || '",' || chr(13) || chr(10) || 'then left – 😀 ' || chr(9) || '50 %;'
    when chance(0.5, person, 'remark') then pool('text', person, 'text') end;
