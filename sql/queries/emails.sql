/* @name FindUnsentEmail */
select e.id as "id!", e.kind as "kind!", e.recipient as "recipient!", e.details as "details!",
  app_private.decrypt_secret(e.token) as token, e.created_at as "createdAt!"
from app_private.emails e
where e.id = :emailId! and e.sent_at is null;

/* @name MarkEmailSent */
update app_private.emails
set sent_at = now(), token = null
where id = :emailId! and sent_at is null;
