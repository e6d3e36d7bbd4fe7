from django.db import models

from invoicing.models.connection import Connection


class CustomerGroup(models.Model):
    """One customer as we know them: the identities that several providers, or one provider twice, have for them. Made by
    people; no provider knows of it.
    """

    name = models.CharField(max_length=500)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self):
        return self.name


class Customer(models.Model):
    """Whom an invoice is for, as one provider knows them. Only the mirror writes it, but for `group`, which is ours."""

    connection = models.ForeignKey(Connection, models.PROTECT, related_name="customers", db_index=False)
    external_id = models.CharField(max_length=255)
    name = models.CharField(max_length=500, blank=True)
    email = models.CharField(max_length=320, blank=True)
    reference = models.CharField(max_length=255, blank=True)  # their id in our own systems
    tax_id = models.CharField(max_length=64, null=True, db_index=True)  # letters and digits alone; None: not read yet
    group = models.ForeignKey(CustomerGroup, models.SET_NULL, null=True, blank=True, related_name="customers")
    search_text = models.TextField(blank=True)  # folded name, e-mail, reference, external id
    timezone = models.CharField(max_length=64, blank=True)
    archived = models.BooleanField(default=False)
    payload = models.BinaryField(default=b"")  # compressed JSON of the provider's own record; empty when only embedded
    content_hash = models.BinaryField(max_length=16, default=b"")
    read_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "external_id"], name="one_row_per_customer")]
        indexes = [models.Index(fields=["name", "id"], name="customer_name")]

    def __str__(self):
        return self.name or self.email or self.external_id

    @property
    def linked_ids(self) -> tuple[int, ...]:
        """Our ids of everybody who is the same customer, this one among them."""
        if self.group_id is None:
            return (self.pk,)
        return tuple(Customer.objects.filter(group_id=self.group_id).order_by("pk").values_list("pk", flat=True))
