"""Background work: code enqueues through the django-tasks API; a Job row is the truth."""
