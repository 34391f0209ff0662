-- A new database has somewhere to put its first rows; from then on a task of the worker keeps ahead.
-- It reads app_private.table_registry: a table that becomes partitioned has its first partitions at once.
select app_private.ensure_partitions();
