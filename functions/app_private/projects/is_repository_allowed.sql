-- git reads more than addresses: "ext::sh -c id" runs a command, "--upload-pack=…" is an option. So what is allowed is
-- spelt out, without a user or password, which every reader of the project would see.
create or replace function app_private.is_repository_allowed(url text) returns boolean
  language sql stable security definer
  set search_path to pg_catalog, pg_temp
as $$
  select is_repository_allowed.url is null
    or is_repository_allowed.url ~
      '^https://[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?(/[A-Za-z0-9._~%+-]+)+/?$'
    or exists (
      select from app_private.allowed_repositories a
      where starts_with(is_repository_allowed.url, a.prefix)
        and substr(is_repository_allowed.url, length(a.prefix) + 1) ~
          '^[A-Za-z0-9._~+][A-Za-z0-9._~%+-]*(/[A-Za-z0-9._~%+-]+)*/?$'
        -- Nor back out of what the prefix names, spelt out or as an escape.
        and substr(is_repository_allowed.url, length(a.prefix) + 1) !~* '(^|/)[.]{1,2}(/|$)|%(2e|2f|5c|00)')
$$;
comment on function app_private.is_repository_allowed(text) is
  'Whether a runner may be sent to clone this: https without credentials, or what begins as allowed_repositories says.';
alter function app_private.is_repository_allowed(text) owner to app_system;
