from django.apps import AppConfig


class InvoiceDesk(AppConfig):
    name = "invoicing"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "Invoice Desk"
