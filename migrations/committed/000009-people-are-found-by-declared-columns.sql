--! Previous: sha1:190f8bbee4b5b0ad23bc6bbdc8ea25b42a3e63c0
--! Hash: sha1:d7baf144e580a593322eeb8cc9562ae9c67ba24d
--! Message: people are found by declared columns

-- A person's data is found by columns that say whose it is.
-- Locks: share row exclusive on emails and users for the foreign keys; share on tenant_members, webhook_events and row_versions
--   while their indexes are built: writes to them wait for as long as reading them once takes.
-- Rows touched: webhook_events whose payload names an address; mails of an account.
-- Safe while the old code runs: yes, but mails it adds meanwhile do not say whose they are, and go within seven days.

alter table app_private.emails
  add column if not exists user_id uuid,
  add column if not exists sender_id uuid;
alter table app_private.emails
  drop constraint if exists emails_user_id_fkey,
  drop constraint if exists emails_sender_id_fkey;
-- The check of a foreign key asks the policies, and the columns are new: there is nothing for it to see.
set local row_security = on;
alter table app_private.emails
  -- squawk-ignore adding-foreign-key-constraint, constraint-missing-not-valid
  add constraint emails_user_id_fkey foreign key (user_id) references app_public.users (id) on delete cascade,
  -- squawk-ignore adding-foreign-key-constraint, constraint-missing-not-valid
  add constraint emails_sender_id_fkey foreign key (sender_id) references app_public.users (id) on delete set null;
set local row_security = off;
comment on column app_private.emails.user_id is 'Account it is about; null for an invitation, which goes to an address.';
comment on column app_private.emails.sender_id is 'Person on whose behalf it goes out, and whose name stands in it; null for nobody.';
-- squawk-ignore require-concurrent-index-creation
create index if not exists emails_user_id_idx on app_private.emails (user_id) where user_id is not null;       -- erase_person
-- squawk-ignore require-concurrent-index-creation
create index if not exists emails_sender_id_idx on app_private.emails (sender_id) where sender_id is not null; -- erase_person
-- squawk-ignore require-concurrent-index-creation
create index if not exists emails_recipient_idx on app_private.emails (recipient);                             -- erase_person

-- squawk-ignore require-concurrent-index-creation
create index if not exists tenant_members_invited_email_idx on app_public.tenant_members (invited_email)
  where invited_email is not null;                                                                             -- erase_person
-- Invitations that were withdrawn are in the ledger alone.
-- squawk-ignore require-concurrent-index-creation
create index if not exists row_versions_invited_email_idx on audit.row_versions ((personal -> 'snapshot' ->> 'invited_email'))
  where table_name = 'tenant_members' and personal is not null;                                                -- erase_person

alter table app_public.webhook_events
  add column if not exists person_addresses text[] not null default '{}',
  add column if not exists redacted_at timestamptz;
comment on column app_public.webhook_events.person_addresses is
  'E-mail addresses in the places of the payload that name people, in lower case: by these erasure finds it.';
comment on column app_public.webhook_events.redacted_at is
  'When somebody who is named in it was erased: their name and address in the payload were replaced, and the bytes that were signed are gone. Null while it is as it came.';
-- squawk-ignore require-concurrent-index-creation
create index if not exists webhook_events_person_addresses_idx on app_public.webhook_events using gin (person_addresses)
  where person_addresses <> '{}';                                                                              -- erase_person
-- As the registry has it today; from here on a trigger keeps it. A database built from empty has no rows, and no grants yet.
do $$
begin
  if has_table_privilege('app_system', 'app_public.webhook_events', 'select, update') then
    set local row_security = on;
    set local role app_system;
    update app_private.emails m
    set user_id = u.id
    from app_public.users u
    where m.kind in ('verify_email', 'reset_password') and m.user_id is null and u.email = m.recipient and u.deleted_at is null;
    update app_public.webhook_events e
    set person_addresses = a.addresses
    from (
      select w.tenant_id, w.id, array_agg(distinct lower(p.person ->> 'email') order by lower(p.person ->> 'email')) as addresses
      from app_public.webhook_events w
      cross join lateral (
        select jsonb_path_query(w.payload, '$.pusher')
        union all
        select jsonb_path_query(w.payload, '$.commits[*].author')
        union all
        select jsonb_path_query(w.payload, '$.commits[*].committer')
        union all
        select jsonb_path_query(w.payload, '$.head_commit.author')
        union all
        select jsonb_path_query(w.payload, '$.head_commit.committer')
        union all
        select jsonb_path_query(w.payload, '$.repository.owner')) p (person)
      where jsonb_typeof(p.person -> 'email') = 'string' and length(p.person ->> 'email') <= 255 and p.person ->> 'email' like '%@%'
      group by w.tenant_id, w.id) a
    where e.tenant_id = a.tenant_id and e.id = a.id and e.person_addresses <> a.addresses;
    reset role;
    set local row_security = off;
  end if;
end
$$;
