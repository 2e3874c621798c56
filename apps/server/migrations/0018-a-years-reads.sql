-- With a year of deployments these read every row: a release's deployments, and what ended or was made of late.
create index deployment_of_release on deployment (project, release_id, id desc);
create index deployment_finished on deployment (finished_at);
create index release_made on release (created_at);
