-- It had no account and no sender; a call with four arguments would mean both.
drop function if exists app_private.send_email(text, app_public.email, text, jsonb);

create or replace function app_private.send_email(
  kind text,
  recipient app_public.email,
  token text,
  details jsonb default '{}',
  user_id uuid default null,
  sender_id uuid default null
) returns void
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_id uuid;
begin
  insert into app_private.emails (kind, recipient, token, details, user_id, sender_id)
  values (send_email.kind, send_email.recipient, app_private.encrypt_secret(send_email.token), send_email.details,
    send_email.user_id, send_email.sender_id)
  returning id into v_id;
  perform app_private.add_job('email__send', json_build_object('emailId', v_id), v_id::text);
end
$$;
comment on function app_private.send_email(text, app_public.email, text, jsonb, uuid, uuid) is
  'Puts a mail into the outbox, with the account it is about and the person whose name stands in it, and a job '
  'beside it.';
alter function app_private.send_email(text, app_public.email, text, jsonb, uuid, uuid) owner to app_system;
