-- Who works on a request: once that server is gone, whoever asks again need not wait.
alter table idempotent_answer add column server text;
