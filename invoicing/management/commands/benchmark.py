import json
from importlib import import_module

from django.core.management import BaseCommand, CommandError

BENCHMARKS = {  # name → module with add_arguments(parser), run(**options) → {"misses": [...]}, and table(report) → text
    "sync": "invoicing.benchmarks.sync",
    "list": "invoicing.benchmarks.lists",
}


class Command(BaseCommand):
    help = "Measure the desk against its peers, both sides in one run. Exit code 1 when a goal is missed."

    def add_arguments(self, parser):
        parsers = parser.add_subparsers(dest="name", required=True)
        for name, module in BENCHMARKS.items():
            one = parsers.add_parser(name, help=(import_module(module).__doc__ or "").splitlines()[0])
            one.add_argument("--json", action="store_true", help="one JSON object")
            import_module(module).add_arguments(one)

    def handle(self, *, name, **options):
        module = import_module(BENCHMARKS[name])
        as_json = options.pop("json")
        try:
            report = module.run(**options, tell=lambda line: self.stderr.write(str(line)))
        except RuntimeError as error:
            raise CommandError(str(error)) from None
        if as_json:
            self.stdout.write(json.dumps(report, ensure_ascii=False, indent=1))
        else:
            self.stdout.write(module.table(report))
        if report["misses"]:
            raise CommandError("Missed: " + "; ".join(report["misses"]))
