-- Every counter is taken before a password is looked at and holds its row until the end of the transaction: of guesses
-- made at the same time no more pass than of guesses made one after the other.
-- Three tries are free. From then on one is let through in each stretch of 1, 2, 4, 8 … 900 seconds: each that is let
-- through closes the stretch that the next one will be asked for.
create or replace function app_private.take_login_attempt(email text) returns integer
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
declare
  v_origin text := app_private.current_origin();
  v_pair   text := app_private.login_subject(take_login_attempt.email, v_origin);
  v_count  integer;
  v_delays integer[];
begin
  if not app_private.take_rate_limit('login_failure', v_origin, 900, 30) then
    return 900;
  end if;
  perform app_private.take_rate_limit('login_pair', v_pair, 86400, 3);
  v_count := app_private.rate_limit_count('login_pair', v_pair, 86400);
  -- For this try and for the next one.
  v_delays := array(
    select least(power(2, least(n, 20) - 4), 900)::integer from generate_series(v_count, v_count + 1) n order by n);
  if v_count > 3 and app_private.rate_limit_count('login_delay', v_pair, v_delays[1]) > 0 then
    -- It is not tried, so it is no failure either.
    perform app_private.give_back_rate_limit('login_failure', v_origin, 900);
    perform app_private.give_back_rate_limit('login_pair', v_pair, 86400);
    return v_delays[1];
  end if;
  if v_count >= 3 then
    perform app_private.take_rate_limit('login_delay', v_pair, v_delays[2], 1);
  end if;
  return null;
end
$$;
comment on function app_private.take_login_attempt(text) is
  'Counts a try to log in to an address from the origin of the request as if it had failed; null when it may be made, '
  'else how many seconds to wait at most.';
alter function app_private.take_login_attempt(text) owner to app_system;
