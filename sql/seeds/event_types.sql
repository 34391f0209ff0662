-- The kinds of event. A type that events refer to is never taken away.
insert into app_public.event_types (name, description) values
  ('tenant.created',               'A tenant was made.'),
  ('tenant.ownership_transferred', 'A tenant got another owner.'),
  ('member.invited',               'Someone was asked into the tenant.'),
  ('member.joined',                'Someone joined the tenant.'),
  ('member.role_changed',          'A member got another rank.'),
  ('member.removed',               'A member left or was removed.'),
  ('project.created',              'A project was made.'),
  ('project.deleted',              'A project was deleted.'),
  ('deployment.requested',         'A deployment was asked for.'),
  ('deployment.queued',            'A deployment waits for a runner, for the first time or again.'),
  ('deployment.building',          'A runner began to build.'),
  ('deployment.deploying',         'The build is being brought to its environment.'),
  ('deployment.succeeded',         'A deployment is ready.'),
  ('deployment.running',           'A deployment is running.'),
  ('deployment.completed',         'A deployment ended well.'),
  ('deployment.failed',            'A deployment failed.'),
  ('deployment.stopped',           'A deployment was stopped.'),
  ('deployment.rolled_back',       'A deployment was taken back by another.'),
  ('deployment.canceled',          'A deployment was canceled.'),
  ('deployment.superseded',        'A newer deployment took the place of one.'),
  ('webhook.applied',              'An inbound webhook was applied or ignored.')
on conflict (name) do update set description = excluded.description;
