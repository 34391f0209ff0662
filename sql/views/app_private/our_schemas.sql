-- Laws and proof ask here. Generators read databases that are not applied yet, and have the list once more in
-- src/dev/generate/catalogQueries.ts.
create or replace view app_private.our_schemas as
select n.oid, n.nspname::text as name
from pg_catalog.pg_namespace n
where n.nspname in ('app_public', 'app_hidden', 'app_private', 'audit', 'partitions');
comment on view app_private.our_schemas is
  'The schemas whose objects this project makes, and whose laws hold for them.';
