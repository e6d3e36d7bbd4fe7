import subprocess
import sys

from django.core.management import BaseCommand


class Command(BaseCommand):
    """Starts the sandbox as a process of its own: it shares nothing with the desk."""

    help = (
        "Run the five providers, simulated over HTTP on one port. All arguments go to the sandbox; --help lists them."
    )

    def run_from_argv(self, argv):
        sys.exit(subprocess.call([sys.executable, "-m", "invoicing.sandbox", *argv[2:]]))  # noqa: S603 - our own module
