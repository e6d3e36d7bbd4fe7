from django.core.management.base import BaseCommand

from invoicing.management import wording


class Command(BaseCommand):
    help = "Gather every text into the catalogs of locale/, and compile them. Texts without a translation are named."

    def handle(self, **options):
        for language in wording.languages():
            catalog = wording.updated(language)
            wording.write(language, catalog)
            open_ones = [message.id for message in catalog if message.id and not wording.is_said(message)]
            self.stdout.write(f"{language}: {len(catalog)} texts, {len(open_ones)} not translated yet")
            for text in open_ones:
                self.stdout.write(f"  {text if isinstance(text, str) else text[0]}")
