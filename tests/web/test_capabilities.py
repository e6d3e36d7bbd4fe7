"""The page of what is possible where: every cell of the matrix stands on it once, with its reason."""

import pytest

from invoicing.models import Brake
from invoicing.operations.capabilities import matrix
from tests.web.pages import read
from tests.web.test_invoice import text_of


@pytest.fixture
def signed_in(client, operator):
    client.force_login(operator)
    return client


def test_every_cell_of_every_server_is_on_its_page(signed_in):
    links = [
        each.attributes["href"]
        for each in read(signed_in.get("/capabilities/")).all("a")
        if "?server=" in each.attributes.get("href", "")
    ]
    found = {}
    for link in links:
        page = read(signed_in.get(f"/capabilities/{link}"))
        name = page.one("h2", id="server-h").text
        rows = page.all("tr", data_verb=True)
        found[name] = {row.attributes["data-verb"]: row for row in rows}
        for each in matrix():
            if not name.endswith(each.server) or each.verb.key not in found[name]:
                continue
            row = found[name][each.verb.key]
            cell = row.one("td", class_="can" if each.offered else "cannot")
            assert (each.standing.words or ("always" if each.offered else "anywhere")) in cell.text, (name, each)
            assert each.offered or " ".join(each.refusal.split()) in cell.text

    assert len(links) == len({each.server for each in matrix()}) == len(found)


def test_both_generations_of_flexprice_differ_where_they_do(signed_in):
    def row(server, verb):
        page = read(signed_in.get(f"/capabilities/?server={server}"))
        return page.one("tr", data_verb=verb).text

    assert "recalculate-v2" in row("flexprice-server-of-august-2026", "recalculate")
    assert "recalculate-v2" not in row("flexprice-server-of-january-2026", "recalculate")
    assert "has no call that replaces" in row("flexprice-server-of-january-2026", "void_and_replace")
    assert "is not known" in text_of(signed_in.get("/capabilities/?server=flexprice-server-not-known").content.decode())
    assert signed_in.get("/capabilities/?server=none").status_code == 404


def test_what_is_not_offered_at_all_is_there_with_its_reason_and_switches_show(signed_in, operator):
    said = text_of(signed_in.get("/capabilities/?server=cockroachdb-cloud").content.decode())
    assert "Not offered at all" in said and "It is only read" in said
    Brake.objects.create(
        kind="stop", provider="orb", verb="void", reason="Odd", set_by=operator, set_at="2026-11-01T00:00:00Z"
    )
    assert f"Switched off by {operator}: Odd" in text_of(signed_in.get("/capabilities/?server=orb").content.decode())
    assert 'href="/capabilities/"' in signed_in.get("/statuses/").content.decode()
