-- A new database has somewhere to put its first rows; from then on a task of the worker keeps ahead.
select app_private.ensure_partitions();
