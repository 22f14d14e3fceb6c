-- Products come in pairs of a detail and its sample, key messages are of details; both follow from their numbers.
create or replace temp macro details() as total('Product_vod__c') // 2;
create or replace temp macro product(n) as
  ['Almorin', 'Bexatrel', 'Cavidone', 'Dexilor', 'Entaval', 'Fibrosan', 'Gastrenil', 'Hepavir', 'Immunor', 'Jovanta',
   'Kardinol', 'Lumeris'][1 + n % details() % 12];
create or replace temp macro message_category(n) as
  ['Efficacy', 'Safety', 'Dosing', 'Support', 'Access'][1 + n // details() % 5];
create or replace temp macro message(n) as product(n) || ': ' || message_category(n);

-- Of eight calls in the order of their birth the fifth is the header of a group call, the last three are its attendees.
create or replace temp macro seat(call) as call % 8;
create or replace temp macro header_of(call) as call - greatest(seat(call) - 4, 0);
-- The first person account at this contact's number or after it; of three neighbours at least one is alive and one.
create or replace temp macro is_doctor(contact) as is_person(contact) and not is_dead(contact, 'Contact');
create or replace temp macro doctor(contact) as
  contact + case when is_doctor(contact) then 0 when is_doctor(contact + 1) then 1 else 2 end;
