-- Leads of Latchkey's synthetic journeys: nobody works on them, and they are deleted again.
alter table lead add column synthetic boolean not null default false;
create index lead_synthetic on lead (created_at) where synthetic;
