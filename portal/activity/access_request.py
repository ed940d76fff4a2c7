"""What a client admin asks of our staff about access, as the activity that staff find."""

from __future__ import annotations

from portal.activity.outbox import Activity
from portal.crm.access import ACCESS_REQUEST
from portal.domain.team import Request
from portal.domain.viewer import Viewer


def access_request(viewer: Viewer, asked: Request, name: str) -> Activity:
    """The activity for a request of this viewer's; `name` is whom it is about."""
    return Activity(
        activity_type=ACCESS_REQUEST,
        title=f"Access request: {asked.action.value} {name}",
        description=asked.note or None,
        contact_id=viewer.contact_id,
        company_id=viewer.company_id,
        metadata={**asked.as_metadata(), "person_name": name},
    )
