/* @name FindUnsentEmail */
-- A token that is nobody's was made to do the same work as for somebody: nothing is sent to that address.
select e.id as "id!", e.kind as "kind!",
  e.kind in ('reset_password', 'login_code') and e.user_id is null as "isForNobody!",
  e.recipient as "recipient!", e.details as "details!",
  app_private.decrypt_secret(e.token) as token, e.created_at as "createdAt!"
from app_private.emails e
where e.id = :emailId! and e.sent_at is null;

/* @name DropEmail */
delete from app_private.emails
where id = :emailId!;

/* @name MarkEmailSent */
update app_private.emails
set sent_at = now(), token = null
where id = :emailId! and sent_at is null;
