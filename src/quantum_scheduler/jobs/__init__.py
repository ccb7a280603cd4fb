"""The life of a job: submit, claim, settle, cancel."""
