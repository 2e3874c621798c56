-- Somebody who ships without owning the installation, and a pipeline that only asks.
alter table access_token drop constraint access_token_role_check;
alter table access_token add constraint access_token_role_check
  check (role in ('owner', 'deployer', 'viewer', 'ci', 'gateway'));
