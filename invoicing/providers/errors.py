"""The one small family of ways a call can end badly. What may be concluded from each is written on it."""


class ProviderError(Exception):
    """A call to a provider did not end well.

    `status` is the HTTP status where there was one; `said` the provider's own words, redacted and cut, to be shown as text;
    `content_type` what an answer that was not in the provider's own form said it was ("text/plain").
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        said: str = "",
        retry_after: float | None = None,
        content_type: str = "",
    ):
        super().__init__(message)
        self.status, self.said, self.retry_after, self.content_type = status, said, retry_after, content_type


class NotSent(ProviderError):
    """Nothing left this machine: no name, no connection, TLS failed, or our own guard refused. Nothing was done."""


class Refused(ProviderError):
    """The provider answered no, in its own error shape (400, 404, 422). Nothing was done by this very request."""


class KeyRefused(Refused):
    """401 or 403. The connection needs a person; while reading back it means "cannot tell"."""


class Missing(Refused):
    """404 in the provider's own error shape: it says that it has no such record."""


class RateLimited(ProviderError):
    """429, or any error with Retry-After. For a changing call it proves nothing; `retry_after` is seconds, already clamped."""


class Conflict(ProviderError):
    """409: still running, or another request under the same key. Proves nothing: read back."""


class Unknown(ProviderError):
    """Timeout after the first byte, reset, 5xx, redirect, garbage. The provider may or may not have done it."""


class NotUnderstood(Unknown):
    """An answer that is not what the contract promises: no JSON, NaN, duplicate keys, wrong shape, too big, too deep."""


class TooLarge(NotUnderstood):
    """An answer beyond the cap. A list can be asked for in smaller pages."""


class Unsupported(ProviderError):
    """This provider does not offer that. Declared and refused aloud; nothing was sent."""


class PayloadNotUnderstood(Exception):
    """One record cannot be read: a required field is missing or of the wrong type. It is quarantined; the page goes on.

    `field` is a dotted path into the payload.
    """

    def __init__(self, what: str, field: str, problem: str):
        super().__init__(f"{what}: {field}: {problem}")
        self.what, self.field, self.problem = what, field, problem
