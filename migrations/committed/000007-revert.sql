--! Previous: sha1:40e02aff541cd46f4519a957b8a24c099bb1b8fa
--! Hash: sha1:b70f30b3f5404ef3ad4c936b1d47f6562f163b4b
--! Message: revert

-- What undoing changes shows and does, a row a step.
-- Lock: none that matters. Rows touched: none. Safe while old code runs: calls that log fail until the functions arrive, in the same deploy.

create type app_public.revert_step as (
  table_name     text,
  row_id         uuid,
  action         app_public.audit_action,
  changes        jsonb,
  conflict       text,
  transaction_id text
);
comment on type app_public.revert_step is 'One row that a revert writes, or would write.';
comment on column app_public.revert_step.table_name is 'Table of the row.';
comment on column app_public.revert_step.row_id is 'The row.';
comment on column app_public.revert_step.action is 'What is done to it; null when a conflict keeps that from being known.';
comment on column app_public.revert_step.changes is 'By column: {"from": value now, "to": value afterwards}; without from for a row that comes back, without to for one that goes.';
comment on column app_public.revert_step.conflict is 'Why it can not be done, a kind and after a colon what it is about; null when it can.';
comment on column app_public.revert_step.transaction_id is 'Transaction of the revert, by which it can be reverted in its turn; null in a preview.';

-- It takes the tenant as well now; the old signature beside the new one would make calls ambiguous.
drop function if exists app_private.log_audit_event(uuid, text, text, uuid, jsonb, inet);
