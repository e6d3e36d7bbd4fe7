from django.contrib.auth.decorators import login_required
from django.urls import path

from invoicing.benchmarks.peers import admin
from invoicing.benchmarks.peers.tables import InvoiceView

urlpatterns = [
    path("admin/", admin.plain.urls),
    path("admin-facets/", admin.faceted.urls),
    path("tables/", login_required(InvoiceView.as_view())),
]
