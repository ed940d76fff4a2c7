"""The portal's errors, one small tree.

    PortalError                     anything we answer on purpose
    ├── SignInNeeded          401   no session, or one that no longer counts
    │   └── AccessUnconfirmed       the CRM could not confirm for too long who may come in
    ├── Forbidden             403   signed in, but not for this
    │   ├── ProductMissing          the token's `products` does not hold ours
    │   ├── AccessRemoved           the CRM says: no portal access (any more)
    │   ├── RoleNotAllowed          a client viewer at an admin's page
    │   ├── FieldNotAllowed         a field that this person may not write; names it
    │   ├── NoClientChosen          staff at a client's page, outside a preview
    │   ├── ReadOnlyPreview         a change, tried in a staff preview
    │   ├── PreviewEnded            a preview that is over, or shows nobody (any more)
    │   ├── CrossSite               an unsafe request that another site sent
    │   └── GoogleRefused           Google's answer signs nobody in; carries `cause`
    ├── NotFound              404   not there, or not the viewer's: the same answer
    ├── LinkRefused           410   a magic link or code that signs nobody in; carries `reason`
    ├── UnsubscribeRefused    400   a link that ends nobody's mails
    ├── BadInput              422   a field is wrong; names the field
    ├── PayloadTooLarge       413
    ├── UnsupportedMediaType  415
    ├── TooManyRequests       429   asked for too often; carries `retry_after`
    │   ├── TooManyChecks           invoices checked from one network
    │   └── InvoiceLocked           one number checked with wrong details
    ├── ChecksUnavailable     503   whether it may be checked cannot be counted
    ├── StateUnavailable      503   STATE or ACTIVITIES does not answer
    ├── ChangesWait           503   the CRM cannot confirm right now who may change something
    ├── HostUnknown           400   a Host header that is not ours
    ├── GoogleUnavailable     503   Google does not answer as it should
    └── SMApiError            503   SM API cannot be asked, or did not answer as SM API
        ├── SMApiUnreachable        no connection, or no answer in time
        │   └── SMApiResting            not asked: it has failed too often just now
        ├── SMApiUnauthorized       our service token was refused (401, 403, redirect to a login)
        ├── SMApiMalformed          an answer that is not the contract's JSON
        ├── SMApiBusy               429; carries `retry_after`
        ├── SMApiFault              5xx
        └── SMApiRejected           4xx with SM API's own reason; carries status and envelope
            └── SMApiNotFound       404

Each carries `status` (what a browser gets), `title` and `message` (safe to show to anyone; English,
translated where it is shown). What an operator needs to know besides goes to the log, never to the
page.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from portal.words import msgid


class PortalError(Exception):
    """An answer we give on purpose. `message` is shown to the person who asked."""

    status: ClassVar[int] = 500
    title: ClassVar[str] = msgid("Something went wrong")
    default_message: ClassVar[str] = msgid(
        "This page could not be shown. Please try again in a moment."
    )

    def __init__(self, message: str | None = None, **values: object) -> None:
        """`message` is a message id; its `%(name)s` are filled with `values`."""
        self.message_id = message or self.default_message
        self.values = values
        self.message = self.message_id % values if values else self.message_id
        super().__init__(self.message)


class SignInNeeded(PortalError):
    """No session, or one that is expired, ended or not ours."""

    status = 401
    title = msgid("Please sign in")
    default_message = msgid("Your session has ended. Please sign in again.")


class AccessUnconfirmed(SignInNeeded):
    """The CRM has not been able to confirm this person's access for so long that it ends."""


class Forbidden(PortalError):
    """Signed in, but not allowed to do this."""

    status = 403
    title = msgid("You cannot open this page")
    default_message = msgid("Your account does not have access to this page.")


class ProductMissing(Forbidden):
    """The session's `products` claim does not hold this portal's product (sm-api §4)."""

    title = msgid("This account has no access here")
    default_message = msgid("The account you are signed in with does not belong to this portal.")


class AccessRemoved(Forbidden):
    """The CRM no longer grants this contact access, whatever the token says."""

    title = msgid("Your access has ended")
    default_message = msgid("Access to this portal has been removed for your account.")


class RoleNotAllowed(Forbidden):
    """A client viewer asked for what only client admins see."""

    default_message = msgid(
        "This page is for your company's account administrators. "
        "Ask a colleague who is one, or ask us to change your role."
    )


class FieldNotAllowed(Forbidden):
    """A field of a write that this person may not set; `field` names it."""

    def __init__(self, field: str) -> None:
        super().__init__(msgid("You may not set %(field)s here."), field=field)
        self.field = field


class NoClientChosen(Forbidden):
    """Staff opened a client's page without being in a preview of that client."""

    title = msgid("This page belongs to clients")
    default_message = msgid(
        "You are signed in as staff. Clients and their records are under Clients."
    )


class ReadOnlyPreview(Forbidden):
    """Something would have changed, in a staff preview."""

    title = msgid("A preview changes nothing")
    default_message = msgid(
        "You are looking at the portal as a client sees it. Nothing was changed."
    )


class PreviewEnded(Forbidden):
    """The preview's time is over, or whom it shows has no access (any more)."""

    title = msgid("The preview has ended")
    default_message = msgid(
        "Previews last 30 minutes at most. Go back to your clients to start another."
    )


class CrossSite(Forbidden):
    """An unsafe request that a page of another site sent (CSRF)."""

    title = msgid("This request did not come from the portal")
    default_message = msgid(
        "For your safety it was not carried out. Open the portal and try again there."
    )


class GoogleRefused(Forbidden):
    """What came back from Google signs nobody in.

    `cause` is a word for logs and activities, `said` what Google itself said, `account` the
    address when it is proven.
    """

    title = msgid("Google did not sign you in")

    def __init__(self, cause: str, *, said: str | None = None, account: str | None = None) -> None:
        super().__init__()
        self.cause = cause
        self.said = said
        self.account = account


class NotFound(PortalError):
    """Not there, or another client's: nobody can tell which."""

    status = 404
    title = msgid("Page not found")
    default_message = msgid("There is nothing here under this address that your account can open.")


LinkRefusal = Literal["unknown", "expired", "redeemed", "superseded", "exhausted", "wrong_code"]


class LinkRefused(PortalError):
    """The link or code signs nobody in; `reason` says why, `tries_left` counts codes."""

    status = 410
    title = msgid("This link cannot be used")
    default_message = msgid("It may have expired or been used already. Ask for a new one.")

    def __init__(self, reason: LinkRefusal, *, tries_left: int | None = None) -> None:
        super().__init__()
        self.reason: LinkRefusal = reason
        self.tries_left = tries_left


class UnsubscribeRefused(PortalError):
    """The token of a mail's unsubscribe link is not one of ours, or not whole."""

    status = 400
    title = msgid("This link cannot be used")
    default_message = msgid(
        "It may have been cut short on the way. Nothing was changed. You can choose which mails "
        "you get on your account page."
    )


class BadInput(PortalError):
    """A value that cannot be used; `field` names it."""

    status = 422
    title = msgid("That did not work")

    def __init__(self, message: str, field: str | None = None, **values: object) -> None:
        super().__init__(message, **values)
        self.field = field


class PayloadTooLarge(PortalError):
    """A request body over the limit."""

    status = 413
    title = msgid("Too much was sent")
    default_message = msgid("The request was larger than this portal accepts.")


class UnsupportedMediaType(PortalError):
    """A body that is neither a form nor JSON."""

    status = 415
    title = msgid("That did not work")
    default_message = msgid("Send a form or a JSON object.")


class TooManyRequests(PortalError):
    """Asked for more often than is needed. `retry_after` is in seconds."""

    status = 429
    title = msgid("Too many requests")
    default_message = msgid("This was asked for too often. Please try again later.")

    def __init__(self, *, retry_after: int) -> None:
        super().__init__()
        self.retry_after = retry_after


class TooManyChecks(TooManyRequests):
    """One network has had its share of invoice checks."""

    default_message = msgid(
        "Many invoices were checked from your network just now. Wait ten minutes and try again."
    )


class InvoiceLocked(TooManyRequests):
    """One invoice number was checked with wrong details too often: somebody may be guessing."""

    default_message = msgid(
        "This number was checked with wrong details many times, so it is not checked any more "
        "for an hour. Do not pay; ask us."
    )


class ChecksUnavailable(PortalError):
    """The store that counts checks does not answer; without it nothing is compared."""

    status = 503
    title = msgid("We cannot check right now")
    default_message = msgid(
        "Invoices cannot be checked right now. Do not pay before you have checked: "
        "try again in a minute, or ask us."
    )


class ChangesWait(PortalError):
    """A change, by somebody whose access the CRM cannot confirm at the moment."""

    status = 503
    title = msgid("Nothing can be changed right now")
    default_message = msgid(
        "Our records are not answering, so we cannot confirm your access. You can go on reading; "
        "nothing was changed."
    )


class StateUnavailable(PortalError):
    """The engine behind STATE or ACTIVITIES does not answer. `detail` is for the log."""

    status = 503
    title = msgid("We cannot check right now")
    default_message = msgid(
        "Something that has to be checked first cannot be checked at the moment, so nothing was "
        "done. Please try again in a minute."
    )

    def __init__(self, detail: str = "") -> None:
        super().__init__()
        self.detail = detail

    def __str__(self) -> str:
        return self.detail


class HostUnknown(PortalError):
    """The Host header names another site (DNS rebinding, a wrong proxy)."""

    status = 400
    title = msgid("Unknown address")
    default_message = msgid("This server does not answer under that name.")


class GoogleUnavailable(PortalError):
    """Google cannot be reached. `detail` is for the log."""

    status = 503
    title = msgid("Google cannot be reached right now")
    default_message = msgid("You can sign in by e-mail instead, or try Google again in a minute.")

    def __init__(self, detail: str) -> None:
        super().__init__()
        self.detail = detail


class SMApiError(PortalError):
    """SM API could not be asked. `detail` is for the log; `message` for the page."""

    status = 503
    title = msgid("We cannot reach our records right now")
    default_message = msgid(
        "Nothing is lost. Our records system is not answering at the moment; "
        "please try again in a minute."
    )

    def __init__(self, detail: str, *, request_id: str | None = None) -> None:
        super().__init__()
        self.detail = detail
        self.request_id = request_id

    def __str__(self) -> str:
        return self.detail


class SMApiUnreachable(SMApiError):
    """No connection, or no whole answer within the deadline."""


class SMApiResting(SMApiUnreachable):
    """Not asked at all: the circuit breaker is open."""


class SMApiUnauthorized(SMApiError):
    """Our service token was refused: the operator's to mend, not the client's."""


class SMApiMalformed(SMApiError):
    """The answer was not the JSON that the contract describes."""


class SMApiBusy(SMApiError):
    """429. `retry_after` is in seconds when SM API said so."""

    def __init__(
        self, detail: str, *, retry_after: float | None = None, request_id: str | None = None
    ) -> None:
        super().__init__(detail, request_id=request_id)
        self.retry_after = retry_after


class SMApiFault(SMApiError):
    """SM API failed (5xx)."""


class SMApiRejected(SMApiError):
    """SM API understood and refused (4xx). `upstream_status` and `envelope` say how."""

    def __init__(
        self,
        detail: str,
        *,
        upstream_status: int,
        envelope: dict[str, Any],
        request_id: str | None = None,
    ) -> None:
        super().__init__(detail, request_id=request_id)
        self.upstream_status = upstream_status
        self.envelope = envelope

    def as_bad_input(self) -> PortalError:
        """The refusal as the answer to whoever sent us what SM API did not take."""
        said, field = self.envelope.get("error"), self.envelope.get("field")
        message = said if isinstance(said, str) else "That was not accepted."
        return BadInput(message, field=field if isinstance(field, str) else None)

    @property
    def reason(self) -> str | None:
        """The envelope's machine-readable `reason`, when there is one."""
        reason = self.envelope.get("reason")
        return reason if isinstance(reason, str) else None


class SMApiNotFound(SMApiRejected):
    """404: SM API knows no such record."""
