/* @name ReceiveWebhook */
select app_private.receive_webhook(:provider!, :webhookSourceId!, :headers!, :body!) as "receipt!";

/* @name ApplyWebhookEvent */
select app_private.apply_webhook_event(:tenantId!, :webhookEventId!) as "outcome!";

/* @name RecordWebhookFailure */
update app_public.webhook_events
set attempts = attempts + 1, error = :error!
where tenant_id = :tenantId! and id = :webhookEventId! and processed_at is null;
