import sys

from django.core.management import BaseCommand, CommandError

from invoicing.mirror.connecting import CannotConnect, connect
from invoicing.providers.errors import ProviderError
from invoicing.providers.registry import PROVIDERS
from invoicing.vocabulary import Environment


class Command(BaseCommand):
    help = "Add a connection to a provider, or change it, and make a test call. Nothing is kept when the call fails."

    def add_arguments(self, parser):
        parser.add_argument("provider", choices=list(PROVIDERS))
        parser.add_argument("name", help="what the connection is called here")
        parser.add_argument("--base-url", default="", help="default: the provider's own")
        parser.add_argument("--api-key", default="", help="the key, or - to read it from standard input")
        parser.add_argument("--webhook-secret", default="", help="the secret, or - to read it (after the key)")
        parser.add_argument(
            "--write-key", help="a key for changing calls alone, or - to read it (last); empty takes it away"
        )
        parser.add_argument("--environment", choices=Environment.values, help="default: live")

    def handle(self, *, provider, name, base_url, api_key, webhook_secret, write_key, environment, **options):
        try:
            connection = connect(
                provider,
                name,
                base_url=base_url,
                api_key=self._given(api_key),
                webhook_secret=self._given(webhook_secret),
                write_key=None if write_key is None else self._given(write_key),
                environment=environment,
            )
        except CannotConnect as error:
            raise CommandError(str(error)) from None
        except ProviderError as error:
            said = f" It said: {error.said}" if error.said else ""
            raise CommandError(f"The test call failed: {error}{said}") from None
        ending = f", key ending {connection.key_ending}" if connection.key_ending else ""
        if connection.write_key_ending:
            ending += f", key for changes ending {connection.write_key_ending}"
        self.stdout.write(
            f"{connection.name}: {PROVIDERS[provider].name}, {connection.environment}{ending}. The test call passed."
        )
        for label, value in connection.facts.items():
            self.stdout.write(f"  {label}: {value}")

    def _given(self, value: str) -> str:
        """A key on the command line stays in the shell's history; - reads a line instead."""
        return sys.stdin.readline().strip() if value == "-" else value
