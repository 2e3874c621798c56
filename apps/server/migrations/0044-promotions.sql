-- Of a deployment that promotes a release: {"environment", "deploymentId"}, where it comes from.
alter table deployment add column promoted_from jsonb;
