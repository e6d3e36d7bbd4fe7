"""What each address gives to whom. An address that is missing here fails the crawl: decide, and add its row.

`get` and `post` name the right that is needed; OPEN needs no sign-in, SIGNED_IN any person; None is not answered (405).
Several rights in a tuple: any of them. `about` is the object an address names: who cannot reach it gets 404. "their …" is somebody
else's own and gone for everybody who may come so far. About NOTHING no object is made: 404 for them as well.
"""

from typing import NamedTuple

OPEN, SIGNED_IN = "open", "signed in"
NOTHING = "nothing"


class Row(NamedTuple):
    get: str | tuple[str, ...] | None = None
    post: str | tuple[str, ...] | None = None
    about: str = ""


def reads(right="view", about=""):
    return Row(get=right, about=about)


def changes(right, about=""):
    return Row(post=right, about=about)


SET_UP = ("people", "connect", "publish_policy")
TABLE: dict[str, Row] = {
    "home": reads(SIGNED_IN),
    "start": reads(SIGNED_IN),
    "preferences": Row(SIGNED_IN, SIGNED_IN),
    "keys": reads(SIGNED_IN),
    "single_keys": changes(SIGNED_IN),
    "palette": reads(),
    "receivables": reads(),
    "payables": reads(),
    "unreadable": reads(),
    "unreadable_record": reads("view", "unreadable"),
    "views": reads(),
    "view_new": Row("own_views", "own_views"),
    "view": Row("view", "view", "their view"),
    "view_save": changes("view", "their view"),
    "view_drop": changes("view", "their view"),
    "view_default": changes("view", "their view"),
    "peek": reads("view", "invoice"),
    "invoice": reads("view", "invoice"),
    "invoice_fetch": Row("refresh", "refresh"),
    "invoice_refresh": changes("refresh", "invoice"),
    "invoice_job": reads("view", "waiting"),
    "action": Row("request", "request", "action"),
    "document_fetch": changes("refresh", "invoice"),
    "document_draw": changes("refresh", "invoice"),
    "document": reads("view_money", "document"),
    "incidents": reads(),
    "incident": Row("view", "settle", "incident"),
    "switches": reads(),
    "switch_off": changes("stop"),
    "switch_dry_run": changes("stop"),
    "switch_lift": changes("lift", "brake"),
    "start_from": reads("view", "start"),
    "ask": Row("request", "request", "ask"),
    "asked": reads("refresh", "question"),
    "customers": reads(),
    "customer": reads("view", "customer"),
    "customer_link": changes("link_customers", "customer"),
    "customer_unlink": changes("link_customers", "customer"),
    "operations": reads(),
    "operation": reads("view", "operation"),
    "operation_state": reads("view", "operation"),
    "operation_settle": Row("view", "view", "operation"),
    "operation_cancel": changes("cancel", "operation"),
    "bulk": changes("batch"),
    "bulk_totals": changes("view"),
    "bulk_refresh": changes("refresh"),
    "batches": reads(),
    "batch": Row("view", "batch", "batch"),
    "batch_rehearse": changes("batch", "batch"),
    "batch_rows": changes("batch", "batch"),
    "batch_confirm": changes("batch", "batch"),
    "batch_discard": changes("batch", "batch"),
    "batch_progress": reads("view", "batch"),
    "batch_stop": changes("cancel", "batch"),
    "batch_retry": changes("batch", "batch"),
    "batch_receipt": reads("view", "batch"),
    "batch_receipt_csv": reads("export", "batch"),
    "batch_receipt_json": reads("export", "batch"),
    "exports": reads(),
    "export_ask": changes("export"),
    "export_file": reads("export", "their export"),
    "export_summary": reads("export", "their export"),
    "export_repeat": changes("export", "their export"),
    "export_stop": changes("view", "their export"),
    "export_delete": changes("view", "their export"),
    "approvals": reads(),
    "approval": Row("view", "approve", "approval"),
    "approval_withdraw": changes("cancel", "approval"),
    "approval_rework": Row("request", "request", "approval"),
    "policies": reads(),
    "policy_draft": changes("publish_policy"),
    "policy": reads("view", "policy"),
    "policy_edit": Row("publish_policy", "publish_policy", "policy"),
    "policy_publish": changes("publish_policy", "policy"),
    "policy_discard": changes("publish_policy", "policy"),
    "policy_trial": reads("view", "policy"),
    "delegations": Row("view", "delegate"),
    "delegation_end": changes("delegate", "their delegation"),
    "queue": reads(),
    "review_rules": Row("view", "review_rules"),
    "review_starters": changes("review_rules"),
    "zen": reads(),
    "zen_end": reads(),
    "zen_item": Row("view", "view", NOTHING),
    "review": Row("view", "view", "invoice"),
    "review_evidence": reads("view", NOTHING),
    "invoice_comments": Row("view", "comment", "invoice"),
    "operation_comments": Row("view", "comment", "operation"),
    "anomaly_mute": changes("view", NOTHING),
    "mute_end": changes("view", NOTHING),
    "mention_done": changes("view", NOTHING),
    "connections": reads(),
    "connection": reads("view", "connection"),
    "connection_issuer": Row("connect", "connect", "connection"),
    "connection_sync": changes("sync", "connection"),
    "audit": reads(("view", "audit", "audit_access")),
    "audit_entry": reads(("view", "audit", "audit_access"), NOTHING),
    "audit_export": changes("export"),
    "audit_verify": Row("audit", "audit"),
    "evidence": Row("evidence", "evidence"),
    "jobs": reads(),
    "job_cancel": changes("sync", "job"),
    "job_retry": changes("sync", "job"),
    "people": reads("people"),
    "person_add": Row("people", "people"),
    "person": Row("people", "people", "person"),
    "roles": Row("people", "people"),
    "role": Row("people", "people", "role"),
    "duties": reads(("people", "audit")),
    "duties_file": reads(("people", "audit")),
    "session_end": changes("people", "session"),
    "setup": Row(SET_UP, SET_UP),
    "statuses": reads(),
    "capabilities": reads(),
    "healthz": reads(OPEN),
    "readyz": reads(OPEN),
    "theme": changes(OPEN),
}
"""Name of the address → its row. The pages of django-allauth stand below."""

ACCOUNTS = {
    OPEN: {
        *("account_login", "account_logout", "account_inactive", "account_signup", "account_reset_password"),
        *("account_reset_password_done", "account_reset_password_from_key", "account_reset_password_from_key_done"),
        *("account_confirm_email", "account_email_verification_sent", "account_confirm_login_code"),
        *("mfa_authenticate", "mfa_login_webauthn", "openid_connect_login", "openid_connect_callback"),
        *("socialaccount_login_cancelled", "socialaccount_login_error", "socialaccount_signup"),
    },
    SIGNED_IN: {
        *("account_reauthenticate", "account_email", "account_change_password", "account_set_password"),
        *("mfa_index", "mfa_reauthenticate", "mfa_activate_totp", "mfa_deactivate_totp"),
        *("mfa_view_recovery_codes", "mfa_generate_recovery_codes", "mfa_download_recovery_codes"),
        *("mfa_list_webauthn", "mfa_add_webauthn", "mfa_reauthenticate_webauthn", "mfa_remove_webauthn"),
        *("mfa_edit_webauthn", "socialaccount_connections", "usersessions_list"),
    },
}
"""Pages of one's own account, by who gets them: a stranger is sent to the sign-in from the second."""
