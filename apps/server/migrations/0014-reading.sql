-- Lists are read by id, newest first: ids are UUIDv7, so that their order is their time's.
create index deployment_by_id on deployment (project, id desc);
create index deployment_of_service on deployment (project, service, environment, id desc);
drop index deployment_newest;
