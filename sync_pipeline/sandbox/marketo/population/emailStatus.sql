select distinct lower(email) as email, true as unsubscribed from lead where unsubscribed and email is not null
