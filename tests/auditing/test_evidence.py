"""Evidence packs: all that is known about one thing, in an archive that shows when anything in it was touched."""

import io
import json
import subprocess
import sys
import zipfile
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from invoicing.access import people, rights
from invoicing.access.scopes import Reach
from invoicing.auditing import checkpoints, evidence, packing, standalone
from invoicing.auditing.subjects import NoSuch, subject_of
from invoicing.auditing.tasks import write_evidence
from invoicing.documents import vault
from invoicing.exports import files
from invoicing.models import AuditEntry, Export, Operation, audit_key, clock
from invoicing.vocabulary import Origin
from tests.auditing.conftest import TABLE
from tests.behind import behind_the_triggers
from tests.web.mirrored import body, mirrored

pytestmark = pytest.mark.django_db
PDF = b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"


@pytest.fixture
def story(person, connection_to, settings, tmp_path):
    """An invoice with a PDF and a void that was sent and answered, between entries about other things."""
    settings.MEDIA_ROOT = tmp_path / "files"
    settings.DESK_EXPORTS = tmp_path / "exports"
    olga, orb = person("operator"), connection_to("orb")
    invoice = mirrored(
        orb, {**body("orb_invoice_issued"), "hosted_invoice_url": "https://pay.example/abcdefghijklmnopqrstuvwxyz"}
    )
    AuditEntry.objects.record("view.made", actor=olga, target="view:1")
    checkpoints.write(anyway=True)
    AuditEntry.objects.record("view.made", actor=olga, target="view:2", secret="of somebody else")
    now = clock.now()
    operation = Operation.objects.create(
        connection=orb, invoice=invoice, external_id=invoice.external_id, verb="void", call_class="A", seen_digest="x",
        token="t", key="k", requester=olga, reason="Twice <b>", created_at=now, state="succeeded", finished_at=now,
    )  # fmt: skip
    operation.attempts.create(
        number=1, lease_token="l", committed_at=now, ended_at=now, http_status=200, classified="done", wire="answered",
        request={"path": "/void", "body": {"note": "Bearer abcdefghijklmnop"}}, said="ok",
    )  # fmt: skip
    AuditEntry.objects.record("void.requested", actor=olga, target=f"operation:{operation.pk}", reason="Twice <b>")
    vault.keep(PDF, invoice=invoice, origin=Origin.PROVIDER, version=1, fetched_by=olga)
    AuditEntry.objects.record("view.made", actor=olga, target="view:3")
    AuditEntry.objects.record("void.done", target=f"operation:{operation.pk}", saw="void")
    return {"invoice": invoice, "operation": operation, "auditor": person("auditor"), "olga": olga}


def packed(story, name=None):
    out = io.BytesIO()
    subject = subject_of(name or f"invoice:{story['invoice'].pk}", story["auditor"])
    packing.write(subject, out, by=story["auditor"])
    return out.getvalue()


def opened(data):
    return zipfile.ZipFile(io.BytesIO(data))


def lines(pack, name):
    return [json.loads(line) for line in pack.read(name).decode().splitlines()]


def changed(data, name, to):
    """The same archive with one file changed, taken out (None) or put in."""
    out = io.BytesIO()
    with opened(data) as old, zipfile.ZipFile(out, "w") as new:
        for each in old.namelist():
            if each != name:
                new.writestr(each, old.read(each))
            elif to is not None:
                new.writestr(each, to)
        if name not in old.namelist():
            new.writestr(name, to)
    return out.getvalue()


def problems(data):
    return standalone.verify(io.BytesIO(data))[0]


def test_a_pack_holds_all_that_is_known_of_an_invoice_and_nothing_of_others(story):
    data, invoice, operation = packed(story), story["invoice"], story["operation"]
    assert problems(data) == []
    with opened(data) as pack:
        entries = lines(pack, "audit/entries.jsonl")
        assert [each["action"] for each in entries] == ["void.requested", "document.kept", "void.done"]
        assert "of somebody else" not in str([pack.read(name) for name in pack.namelist()])
        told = json.loads(pack.read(f"operations/{operation.pk}.json"))
        assert told["attempts"][0]["http_status"] == 200 and told["reason"] == "Twice <b>"
        assert "abcdefghijklmnop" not in pack.read(f"operations/{operation.pk}.json").decode()
        version = pack.read(f"invoices/{invoice.pk}/versions/0001.json").decode()
        assert invoice.external_id in version and "abcdefghijklmnopqrstuvwxyz" not in version
        documents = json.loads(pack.read(f"invoices/{invoice.pk}/documents.json"))
        assert pack.read(documents[0]["file"]) == PDF
        page = pack.read("index.html").decode()
        assert "Twice &lt;b&gt;" in page and "<b>" not in page
        assert [each["sequence"] for each in lines(pack, "audit/chain.jsonl")] == list(range(2, 7))


def test_every_file_that_is_touched_is_named(story):
    data = packed(story)
    with opened(data) as pack:
        names = pack.namelist()
        texts = {name: pack.read(name) for name in names}
    assert len(names) > 10
    for name in names:
        assert problems(changed(data, name, texts[name] + b" ")), name
        assert problems(changed(data, name, None)), name
    assert problems(changed(data, "invoices/more.json", b"{}")) == ["invoices/more.json was put in."]
    assert problems(changed(data, "index.html", b"Nothing")) == ["index.html is not what was packed."]


def forged(data, edit):
    """Somebody packs anew what they changed and signs it with a key of their own."""
    out = io.BytesIO()
    with opened(data) as pack:
        pack_texts = {name: pack.read(name) for name in pack.namelist()}
    edit(pack_texts)
    manifest = json.loads(pack_texts.pop("manifest.json"))
    del pack_texts["manifest.sig"]
    again = packing.Pack(out)
    for name, text in pack_texts.items():
        again.add(name, text)
    del manifest["files"]
    again.close({**manifest, "key": audit_key.public_keys()[0]})
    return out.getvalue()


def test_whoever_signs_with_another_key_is_found_by_the_desk(story, settings, tmp_path):
    data, keys = packed(story), settings.DESK_AUDIT_KEYS
    settings.DESK_AUDIT_KEYS = ["the forger's own"]
    path = tmp_path / "forged.zip"
    path.write_bytes(forged(data, lambda texts: texts.update({"index.html": b"Nothing happened"})))
    settings.DESK_AUDIT_KEYS = keys
    assert standalone.verify(path, audit_key.public_keys()[0])[0] == ["It names another key than the one you gave."]
    with pytest.raises(CommandError, match="none of this desk's"):
        call_command("evidence", "verify", str(path))


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("audit/entries.jsonl", b"void.requested", b"view.requested"),
        ("audit/chain.jsonl", b'"content": "', b'"content": "0'),
        ("audit/chain.jsonl", b'"sequence": 4', b'"sequence": 5'),
        ("audit/checkpoints.jsonl", b'"sequence": 1,', b'"sequence": 2,'),
    ],
)
def test_even_when_the_manifest_is_signed_entries_must_belong_to_the_chain(story, name, old, new):
    def edit(texts):
        assert old in texts[name] or old.replace(b": ", b":") in texts[name]
        texts[name] = texts[name].replace(old, new, 1)

    assert len(problems(forged(packed(story), edit))) == 1


def test_an_entry_that_was_left_out_of_the_chain_is_missed(story):
    def edit(texts):
        kept = texts["audit/chain.jsonl"].splitlines(keepends=True)
        texts["audit/chain.jsonl"] = b"".join(kept[:2] + kept[3:])

    assert "chain does not end" in problems(forged(packed(story), edit))[0]


def test_no_pack_is_made_of_a_trail_that_does_not_hold(story):
    with behind_the_triggers(TABLE) as cursor:
        cursor.execute(f"UPDATE {TABLE} SET reason = 'Never' WHERE sequence = 4")
    export = evidence.ask(f"invoice:{story['invoice'].pk}", by=story["auditor"])
    write_evidence.func(export_id=str(export.pk))
    export.refresh_from_db()
    assert export.state == Export.State.FAILED and "entry 4" in export.error
    assert not any(files.folder().iterdir())


def test_the_file_inside_checks_it_without_the_desk(story, tmp_path):
    data = packed(story)
    (tmp_path / "pack.zip").write_bytes(data)
    with opened(data) as pack:
        (tmp_path / "verify.py").write_bytes(pack.read("verify.py"))
    alone = [sys.executable, "-I", "-S", "verify.py", "pack.zip", "--key", audit_key.public_keys()[0]]
    done = subprocess.run(alone, cwd=tmp_path, capture_output=True, text=True, env={})
    assert done.returncode == 0 and "hold." in done.stdout, done.stderr
    (tmp_path / "pack.zip").write_bytes(changed(data, "README.txt", b"?"))
    done = subprocess.run(alone, cwd=tmp_path, capture_output=True, text=True, env={})
    assert done.returncode == 1 and "README.txt is not what was packed." in done.stdout


@pytest.mark.parametrize("of", ["operation", "month", "invoice"])
def test_packs_of_each_kind_are_written_by_the_worker_and_lie_among_the_exports(story, of, client):
    operation = story["operation"]
    key = {"operation": operation.pk, "month": f"{operation.created_at:%Y-%m}", "invoice": story["invoice"].number}[of]
    client.force_login(story["auditor"])
    assert client.post("/audit/evidence/", {"kind": of, "key": key})["Location"] == "/exports/"
    export = Export.objects.get()
    write_evidence.func(export_id=str(export.pk))
    assert "Evidence" in client.get("/exports/").content.decode()
    answer = client.get(f"/exports/{export.pk}/file/")
    data = b"".join(answer.streaming_content)
    assert problems(data) == [] and answer["Content-Disposition"].startswith(f'attachment; filename="evidence-{of}')
    written = AuditEntry.objects.get(action="evidence.written")
    assert written.facts["sha256"] and written.facts["rows"] == Export.objects.get().rows > 1
    assert AuditEntry.objects.filter(action="export.downloaded").exists()
    story["auditor"].groups.clear()
    assert client.get(f"/exports/{export.pk}/file/").status_code == 403


def test_only_who_may_and_only_within_reach(story, client, person):
    name, auditor = f"invoice:{story['invoice'].pk}", story["auditor"]
    with pytest.raises(rights.NotAllowed):
        evidence.ask(name, by=story["olga"])
    client.force_login(story["olga"])
    assert client.get("/audit/evidence/").status_code == 403
    people.set_scope(auditor, Reach(connections=frozenset({999})), by=None, reason="Elsewhere")
    elsewhere = type(auditor).objects.get(pk=auditor.pk)
    for each in (name, f"operation:{story['operation'].pk}", "invoice:none", "month:2026-13", "batch:x", ""):
        with pytest.raises(NoSuch):
            subject_of(each, elsewhere)
    client.force_login(elsewhere)
    answer = client.post("/audit/evidence/", {"kind": "invoice", "key": "none"})
    assert answer.status_code == 422 and 'value="none"' in answer.content.decode()


def test_by_command_too(story, tmp_path):
    path, out = tmp_path / "pack.zip", StringIO()
    call_command("evidence", "make", f"operation:{story['operation'].pk}", output=str(path), user=story["auditor"].email, stdout=out)  # fmt: skip
    call_command("evidence", "verify", str(path), stdout=out)
    assert "signed by this desk" in out.getvalue()
    with pytest.raises(CommandError, match="there already"):
        call_command("evidence", "make", "month:2026-01", output=str(path), user=story["auditor"].email)
