-- Which tables are audited, and what of them. One row a table; the law "every table is audited or excused" reads the result.
-- secret: never stored, a change is only named. personal: stored apart, so that erase_user can destroy it.
-- quiet: a change of these columns alone is no news.
do $$
declare
  v_table record;
  v_out   text[];
  v_args  text;
begin
  for v_table in
    select *
    from (values
      -- table                            readers      secret                                  personal                                                                subject     key          quiet
      ('app_public.tenants',              'viewer',    '{}',                                   '{}',                                                                   '',         'id',        '{}'),
      ('app_public.users',                'owner',     '{}',                                   '{email,username,name,first_name,last_name,full_name,avatar_url,bio,location,website_url,github_username}', 'id', 'id', '{}'),
      ('app_public.user_settings',        'owner',     '{}',                                   '{preferences,settings}',                                               'user_id',  'user_id',   '{}'),
      ('app_private.user_secrets',        'owner',     '{password_hash,two_factor_secret,recovery_hashes}', '{}',                                                      'user_id',  'user_id',   '{totp_last_step}'),
      ('app_public.sessions',             'owner',     '{}',                                   '{device_info,ip_address,user_agent}',                                  'user_id',  'id',        '{last_seen_at}'),
      ('app_public.tenant_members',       'admin',     '{}',                                   '{invited_email}',                                                      'user_id',  'id',        '{}'),
      ('app_public.teams',                'viewer',    '{}',                                   '{}',                                                                   '',         'id',        '{}'),
      ('app_public.team_members',         'viewer',    '{}',                                   '{}',                                                                   'user_id',  'id',        '{}'),
      ('app_public.projects',             'billing',   '{}',                                   '{}',                                                                   '',         'id',        '{}'),
      ('app_public.project_members',      'viewer',    '{}',                                   '{}',                                                                   'user_id',  'id',        '{}'),
      ('app_public.project_environments', 'billing',   '{}',                                   '{}',                                                                   '',         'id',        '{}'),
      ('app_public.api_keys',             'admin',     '{}',                                   '{allowed_ips}',                                                        'user_id',  'id',        '{last_used_at,usage_count}'),
      ('app_public.deployments',          'billing',   '{}',                                   '{}',                                                                   '',         'id',        '{heartbeat_at,lease_expires_at}'),
      ('app_public.webhook_sources',      'developer', '{}',                                   '{}',                                                                   '',         'id',        '{last_received_at}'),
      ('app_private.webhook_source_secrets', 'developer', '{secret,previous_secret}',           '{}',                                                                   '',         'webhook_source_id', '{}')
    ) as t ("table", readers, secret, personal, subject, "key", quiet)
  loop
    -- A trigger does not see virtual columns; the others follow from what the ledger holds.
    v_out := v_table.secret::text[] || array(
      select a.attname::text from pg_attribute a
      where a.attrelid = v_table."table"::regclass and a.attgenerated = 'v' order by a.attnum);
    v_args := format('%L, %L, %L, %L, %L, %L, %L, %L',
      split_part(v_table."table", '.', 2), v_table.readers, v_out, v_table.secret, v_table.personal, v_table.subject,
      v_table."key", v_table.quiet::text[] || '{updated_at}'::text[]);
    execute format('create or replace trigger _900_audit_insert after insert on %s
      referencing new table as inserted for each statement execute function app_private.tg__audit_insert(%s)', v_table."table", v_args);
    execute format('create or replace trigger _900_audit_update after update on %s
      for each row execute function app_private.tg__audit_update(%s)', v_table."table", v_args);
    execute format('create or replace trigger _900_audit_delete after delete on %s
      referencing old table as deleted for each statement execute function app_private.tg__audit_delete(%s)', v_table."table", v_args);
    execute format('create or replace trigger _900_audit_truncate after truncate on %s
      for each statement execute function app_private.tg__audit_truncate(%s)', v_table."table", v_args);
  end loop;
end
$$;
