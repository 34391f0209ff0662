create or replace trigger _100_set_updated_at
  before update on app_private.webhook_source_secrets for each row
  execute function app_private.tg__set_updated_at();
