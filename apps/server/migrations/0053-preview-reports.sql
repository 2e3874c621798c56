-- GitHub is told of previews by the same way as of deployments. Their rows are named <preview>/<commit>: there is no deployment.
alter table github_report drop constraint github_report_deployment_id_fkey;
