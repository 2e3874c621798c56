-- What was made of a commit, and what is served: joined whichever is told of first.
create index insight_fact_artifact on insight_fact (project, (fields ->> 'artifact')) where fields ? 'artifact';
