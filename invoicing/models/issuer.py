from django.db import models

from invoicing.models.connection import Connection


class Issuer(models.Model):
    """Who bills through a connection, as our copies print it where the provider does not say."""

    connection = models.OneToOneField(Connection, models.CASCADE, primary_key=True, related_name="issuer")
    name = models.CharField(max_length=200)
    address = models.TextField(max_length=600, blank=True)  # street, city and country, in printing order
    tax_id = models.CharField(max_length=100, blank=True)  # as printed: "DE 123 456 789"
    email = models.CharField(max_length=320, blank=True)
    phone = models.CharField(max_length=60, blank=True)

    def __str__(self):
        return self.name
