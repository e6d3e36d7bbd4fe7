"""JSON log lines with the id of the request or job they belong to. Keys and signed links never reach a log."""

import json
import logging
import re
from contextvars import ContextVar
from datetime import UTC, datetime

request_id: ContextVar[str] = ContextVar("request_id", default="")
SECRETS = re.compile(
    r"(?i)\b(sk_[a-z0-9_]{6,}|bearer\s+[^\s\"']+|x-api-key[\"']?\s*[:=]\s*[^\s\"',]+|[?&](?:token|signature|sig|x-amz-[a-z-]+)=[^\s\"'&]+)"
)


def redacted(text: str) -> str:
    return SECRETS.sub("[redacted]", text)


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "request": request_id.get(),
            "message": redacted(record.getMessage()),
        }
        if record.exc_info:
            line["error"] = redacted(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)
