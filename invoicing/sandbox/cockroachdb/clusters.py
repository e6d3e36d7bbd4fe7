"""The organization's clusters and folders, as every invoice embeds them: as they are now, not as they were billed."""

import re
from datetime import UTC, datetime, timedelta

from ..world import World

NAMES = (
    "analytics", "archive-eu", "billing-prod", "catalog", "events-stream", "geo-index", "identity", "inventory", "orders-prod",
    "payments-prod", "reports", "search", "sessions-std", "staging", "telemetry", "zeta-<b>test</b>",
)  # fmt: skip
CLOUDS = {
    "AWS": ("us-east-1", "eu-west-1"),
    "GCP": ("us-central1", "asia-northeast1"),
    "AZURE": ("westeurope", "eastus"),
}
MACHINES = {"AWS": "m6i.xlarge", "GCP": "n2-standard-4", "AZURE": "Standard_D4s_v5"}


def moment(at: datetime) -> str:
    """RFC 3339 in UTC, whole seconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def organization(world: World, name: str) -> dict:
    """The customer of every invoice: ourselves."""
    return {
        "id": world.uuid(name, "organization"),
        "label": f"acme-{world.hex(3, name, 'label')}",
        "name": "Acme Payments",
        "created_at": "2019-05-02T12:00:00Z",
        "cockroach_cloud_service_principals": {
            "aws": {"user_arn": "arn:aws:iam::111122223333:user/example"},
            "azure": {
                "app_registration_client_id": "00000000-0000-0000-0000-000000000001",
                "app_registration_name": "crdb-example",
            },
            "gcp": {"service_account_email": "org@example.iam.gserviceaccount.com"},
        },
    }


def dedicated(position: int) -> bool:
    """Advanced clusters have machines; the others are shared."""
    return position % 3 == 2


def cluster(world: World, name: str, position: int) -> dict:
    """A cluster of the organization; past the named ones they are numbered."""
    title = NAMES[position] if position < len(NAMES) else f"tenant-{position:04d}"
    cloud = list(CLOUDS)[position % 3 if dedicated(position) else (position + 1) % 3]
    if position == 8:
        cloud = "AWS"
    mark = world.hex(3, name, "cluster", position)
    host = re.sub(r"[^a-z0-9-]", "", title)
    created = datetime(2021, 1, 5, 8, tzinfo=UTC) + timedelta(days=31 * (position % 40))
    made = {
        "id": world.uuid(name, "cluster", position),
        "name": title,
        "cockroach_version": "v25.2.3",
        "upgrade_status": "FINALIZED",
        "plan": "ADVANCED" if dedicated(position) else ("STANDARD", "BASIC")[position % 2],
        "cloud_provider": cloud,
        "account_id": "123456789012" if dedicated(position) else "",
        "state": "CREATED",
        "creator_id": world.uuid(name, "creator", position % 3),
        "operation_status": "UNSPECIFIED",
        "config": _config(world, name, position, cloud, host),
        "regions": [_region(region, host, mark, cloud, position, region == CLOUDS[cloud][0])
                    for region in CLOUDS[cloud][: 1 + (position % 4 == 0)]],
        "created_at": moment(created).replace("Z", ".120Z") if dedicated(position) else moment(created),
        "updated_at": moment(created + timedelta(days=400)),
        "cidr_range": "172.28.0.0/14" if dedicated(position) else "",
        "sql_dns": f"{host}-{mark}.{cloud.lower()}-{CLOUDS[cloud][0]}.cockroachlabs.cloud",
        "network_visibility": "PRIVATE" if dedicated(position) else "PUBLIC",
        "egress_traffic_policy": "DEFAULT_DENY" if dedicated(position) else "ALLOW_ALL",
        "delete_protection": "ENABLED" if dedicated(position) else "DISABLED",
        "parent_id": "root" if dedicated(position) else world.uuid(name, "folder"),
        "labels": {"cost_center": f"cc-{100 + position}", "env": "prod"} if dedicated(position) else {},
    }  # fmt: skip
    if dedicated(position):
        made["azure_cluster_identity_client_id"] = ""
        made["customer_cloud_account"] = {
            "aws": {"arn": "arn:aws:iam::123456789012:role/crdb-byoc"},
            "azure": {"subscription_id": "", "tenant_id": ""},
            "gcp": {"service_account_email": ""},
        }
    if position in (1, 8):  # gone, but old invoices still name it
        made |= {"state": "DELETED", "deleted_at": moment(created + timedelta(days=1900))}
    if position == 13:
        made |= {"state": "LOCKED", "operation_status": "MAINTENANCE_RUNNING"}
    made["is_customer_cloud_account"] = False
    return made


def _config(world: World, name: str, position: int, cloud: str, host: str) -> dict:
    if dedicated(position):
        return {"dedicated": {"machine_type": MACHINES[cloud], "num_virtual_cpus": 4, "storage_gib": 150, "memory_gib": 16,
                              "disk_iops": 2250}}  # fmt: skip
    limits = {"provisioned_virtual_cpus": "4", "request_unit_limit": "0", "storage_mib_limit": "0"}
    return {"serverless": {"routing_id": f"{host}-{2000 + position}", "upgrade_type": ("AUTOMATIC", "MANUAL")[position % 2],
                           "usage_limits": limits}}  # fmt: skip


def _region(region: str, host: str, mark: str, cloud: str, position: int, primary: bool) -> dict:
    address = f"{host}-{mark}.{cloud.lower()}-{region}.cockroachlabs.cloud"
    machines = dedicated(position)
    found = {
        "name": region,
        "sql_dns": address,
        "ui_dns": f"admin-{host}-{mark}.cockroachlabs.cloud" if machines else "",
        "internal_dns": f"internal-{address}",
        "private_endpoint_dns": f"private-{address}" if machines else "",
        "node_count": 3 if machines else 0,
        "primary": primary,
    }
    if machines and cloud == "AWS":
        found["s3_vpc_endpoint_id"] = f"vpce-{mark}0a1b2c3d"
    return found


def folders(world: World, name: str, shown: list[dict]) -> list[dict]:
    """The preview feature: each shared cluster in its folder, and the folder itself."""
    owner, folder = world.uuid(name, "organization"), world.uuid(name, "folder")
    inside = [
        {"resource_id": one["id"], "resource_type": "CLUSTER", "parent_id": folder, "organization_id": owner,
         "name": one["name"], "path": [{"id": folder, "name": "platform"}], "labels": one["labels"]}
        for one in shown if one["parent_id"] == folder
    ]  # fmt: skip
    top = {"resource_id": folder, "resource_type": "FOLDER", "parent_id": "root", "organization_id": owner,
           "name": "platform", "path": [], "labels": {"team": "platform"}}  # fmt: skip
    return [*inside, top] if inside else []
