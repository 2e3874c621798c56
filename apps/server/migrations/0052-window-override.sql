-- Who let a deployment out in spite of its windows, when and why: {by, reason, at}. Null: nobody did.
alter table deployment add column window_override jsonb;
