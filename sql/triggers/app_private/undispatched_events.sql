create or replace trigger _500_wake_dispatcher
  after insert on app_private.undispatched_events for each statement
  execute function app_private.tg_undispatched_events__wake_dispatcher();
