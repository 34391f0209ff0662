/* @name RecordWebhookFailure */
update app_public.webhook_events
set attempts = attempts + 1, error = :error!
where tenant_id = :tenantId! and id = :webhookEventId! and processed_at is null;
