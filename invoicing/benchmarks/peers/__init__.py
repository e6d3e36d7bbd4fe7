"""What others would build with on the same tables: Django's admin, and django-tables2 with django-filter.

They run in an environment of their own (`make benchmark-env`), under `peers.settings`, on the desk's models and indexes.
"""
