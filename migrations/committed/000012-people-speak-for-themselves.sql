--! Previous: sha1:d120b40f3604e2a5109a1a157be1e83a1b82caca
--! Hash: sha1:d9b0d46edfa429b089e211e2e91c711ff34382b3
--! Message: people speak for themselves

-- Members only are spoken for, former members are kept as they were, key rings are wrapped, texts are readable.
-- Locks: access exclusive, at the end, on audit_logs, tenant_members and the tables whose texts are checked: for the catalog, since
--   no new column is stored in old rows and no check is validated, and for one look at the rows of the last hour: a third of a
--   second for each million deployments.
-- Rows touched: texts that could not be written from now on, which are cleaned, each leaving a version in the ledger. All rows are
--   read for them before any lock is taken: four seconds for each million deployments, and ten milliseconds for each row that is
--   cleaned, which stays locked until the end. Domains of tenants.
-- Safe while the old code runs: yes; what it writes is checked too, and its answer is BAD_USER_INPUT.

-- Nobody proved that a domain is theirs. The ledger keeps what was claimed. A database that is being built has no rows, and no
-- grants yet.
do $$
begin
  if has_table_privilege('app_system', 'app_public.tenants', 'select, update') then
    set local row_security = on;
    set local role app_system;
    update app_public.tenants set domain = null where domain is not null;
    reset role;
    set local row_security = off;
  end if;
end
$$;
comment on column app_public.tenants.domain is
  'Host name of the organisation; unique among tenants that are not closed. Null until it is proved to be theirs, for which there is no way yet.';

-- What people and programs write is readable: no control characters, nothing that can not be seen, nothing that turns the direction
-- of the text around it. Zero-width joiner and non-joiner are let be: emoji and the scripts of half Asia are spelt with them, and
-- alone they are blank, which a name may not be. Left and right marks are let be in longer texts, which Arabic and Hebrew need.
-- One definition for all columns; a law holds them against each other. Checks and not domains, because the error of a check
-- names its column, and because a column that becomes a domain has all its rows checked under an exclusive lock. They are not
-- validated, which would read all rows too; what is there is cleaned, since a row that breaks a check can not be changed at all.
do $$
declare
  -- In every text.
  v_never  constant text := '\u0001-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u180e\u200b\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb';
  -- In one line.
  v_breaks constant text := '\t\n\r\u2028\u2029\u061c\u200e\u200f';
  -- Takes room, or none, and shows nothing.
  v_blank  constant text := '\s\u00a0\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0';
  v_step   text;
  v_table  record;
begin
  -- For what is no column: pg_input_is_valid(text, 'app_hidden.line').
  if to_regtype('app_hidden.line') is null then
    execute format('create domain app_hidden.line as text constraint line_check check (value !~ %L)',
      '[' || v_never || v_breaks || ']');
  end if;
  comment on domain app_hidden.line is
    'One line: no control characters, nothing that can not be seen, nothing that turns the direction of the text.';

  -- Cleaned before any lock is taken, and after it once more what came meanwhile.
  foreach v_step in array '{clean,check,clean again}'::text[] loop
    for v_table in
      select c.name,
        string_agg(format('drop constraint if exists %1$I, add constraint %1$I check (%2$s) not valid',
          format('%s_%s_%s_check', c.name, c.col, c.kind), format(k.rule, c.col)), ', ' order by c.col) as checks,
        string_agg(format('not (%s)', format(k.rule, c.col)), ' or ' order by c.col) as dirty,
        string_agg(format('%1$I = case when %2$s then %1$I else %3$s end', c.col, format(k.rule, c.col),
          format(k.cure, c.col, c.instead)), ', ' order by c.col) as cures
      from (values
        ('users', 'name', 'plain_name', ''''''), ('tenants', 'name', 'plain_name', ''''''), ('api_keys', 'name', 'plain_name', ''''''),
        -- What must differ from others gets the end of its id.
        ('teams', 'name', 'plain_name', ''' '' || right(id::text, 12)'), ('projects', 'name', 'plain_name', ''' '' || right(id::text, 12)'),
        ('webhook_sources', 'name', 'plain_name', ''' '' || right(id::text, 12)'),
        ('users', 'first_name', 'plain_line', ''), ('users', 'last_name', 'plain_line', ''), ('users', 'location', 'plain_line', ''),
        ('projects', 'region', 'plain_line', ''), ('deployments', 'version', 'plain_line', ''),
        ('deployments', 'external_id', 'plain_line', ' || '' '' || right(id::text, 12)'), ('deployments', 'provider', 'plain_line', ''),
        ('deployments', 'runner', 'plain_line', ''),
        ('deployments', 'idempotency_key', 'plain_line', ' || '' '' || right(id::text, 12)'),
        ('idempotency_keys', 'key', 'plain_line', ''), ('deployment_logs', 'service_name', 'plain_line', ''),
        ('deployment_logs', 'container_name', 'plain_line', ''), ('deployment_logs', 'daemon', 'plain_line', ''),
        ('users', 'bio', 'plain_text', ''), ('tenants', 'description', 'plain_text', ''), ('teams', 'description', 'plain_text', ''),
        ('projects', 'description', 'plain_text', ''), ('projects', 'functionality', 'plain_text', ''),
        ('webhook_sources', 'description', 'plain_text', ''), ('deployments', 'status_reason', 'plain_text', ''),
        ('users', 'avatar_url', 'plain_url', ''), ('users', 'website_url', 'plain_url', ''), ('projects', 'service_url', 'plain_url', ''),
        ('deployments', 'deployment_url', 'plain_url', ''), ('deployments', 'build_logs_url', 'plain_url', ''),
        ('api_keys', 'expires_at', 'finite', ''), ('deployment_logs', 'timestamp', 'finite', '')
      ) c (name, col, kind, instead)
      join (values
        ('plain_name', format('%%1$I !~ %L and %%1$I ~ %L', '[' || v_never || v_breaks || ']', '[^' || v_blank || ']'),
          format('case when regexp_replace(%%1$I, %1$L, '''', ''g'') ~ %2$L
            then rtrim(left(regexp_replace(regexp_replace(%%1$I, %1$L, '''', ''g''), %3$L, ''''), 80))
            else ''Unnamed'' end || %%2$s',
            '[' || v_never || v_breaks || ']', '[^' || v_blank || ']', '^[' || v_blank || ']+')),
        ('plain_line', format('%%1$I !~ %L', '[' || v_never || v_breaks || ']'),
          format('regexp_replace(%%1$I, %L, '''', ''g'')%%2$s', '[' || v_never || v_breaks || ']')),
        ('plain_text', format('%%1$I !~ %L', '[' || v_never || ']'),
          format('regexp_replace(%%1$I, %L, '''', ''g'')', '[' || v_never || ']')),
        ('plain_url', format('%%1$I ~ %L and %%1$I !~ %L', '^https?://[^/?#\s]', '[\s<>"\\' || v_never || v_breaks || ']'), 'null'),
        ('finite', 'isfinite(%1$I)', 'null')
      ) k (kind, rule, cure) on k.kind = c.kind
      group by c.name
      order by c.name
    loop
      if v_step = 'check' then
        execute format('alter table app_public.%I %s', v_table.name, v_table.checks);
      -- Nobody changes a log line or an idempotency key after it was written.
      elsif v_table.name not in ('deployment_logs', 'idempotency_keys')
        and has_table_privilege('app_system', 'app_public.' || v_table.name, 'select, update')
      then
        set local row_security = on;
        set local role app_system;
        execute format('update app_public.%I set %s where %s(%s)', v_table.name, v_table.cures,
          case v_step when 'clean again' then 'updated_at > now() - interval ''1 hour'' and ' else '' end, v_table.dirty);
        reset role;
        set local row_security = off;
      end if;
    end loop;
  end loop;
end
$$;
-- What an address is compared with must look like it.
alter domain app_public.email drop constraint if exists email_visible_check;
-- Not validated: it reads no table.
-- squawk-ignore ban-alter-domain-with-add-constraint
alter domain app_public.email add constraint email_visible_check
  check (value !~ '[\u0001-\u001f\u007f-\u00a0\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0]')
  not valid;

alter table app_public.audit_logs
  -- Virtual: it is nowhere stored.
  -- squawk-ignore adding-field-with-default
  add column if not exists is_reported boolean generated always as (occurred_at is not null) virtual;
comment on column app_public.audit_logs.is_reported is
  'Whether a daemon said so, with the key of apiKeyId; false for what the platform saw itself.';
comment on column app_public.audit_logs.user_id is
  'Who did it, in an entry that is reported according to the daemon; null when a system did.';

create table if not exists app_private.wrapping_keys (
  id         uuid        not null default uuidv7(),
  key        bytea       not null default extensions.gen_random_bytes(64),
  created_at timestamptz not null default now(),
  constraint wrapping_keys_pkey primary key (id),
  constraint wrapping_keys_key_check check (length(key) = 64)
);
comment on table app_private.wrapping_keys is
  'What key rings are wrapped with on their way through the settings of a request. Of no use without a ring, as a ring is of none without it; the newest row wraps, and older ones still unwrap.';
comment on column app_private.wrapping_keys.key is 'Random bytes, half to authenticate, half to encrypt.';
alter table app_private.wrapping_keys enable row level security, force row level security;

alter table app_public.tenant_members
  add column if not exists left_at timestamptz,
  add column if not exists name_at_leaving text,
  add column if not exists username_at_leaving text;
comment on column app_public.tenant_members.left_at is 'When they left or were removed; null for whoever did not.';
comment on column app_public.tenant_members.name_at_leaving is
  'What they were called when they left; null for whoever did not, and after erasure.';
comment on column app_public.tenant_members.username_at_leaving is
  'Their user name when they left; null for whoever did not, and after erasure.';
