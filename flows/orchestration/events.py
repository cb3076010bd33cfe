"""Events about organizations, by which an automation of Prefect detects one that is no longer read."""

from collections.abc import Mapping

from prefect.events import emit_event

ORGANIZATION_READ = "ooo.organization.read"
"""The event of automations.yaml; its resource is `ooo.organization.` and the id."""


def report_organizations(run_ids: Mapping[int, str]) -> None:
    """Emit an event for each organization id whose snapshot was published, with the id of its run."""
    for organization_id, run_id in run_ids.items():
        resource = {
            "prefect.resource.id": f"ooo.organization.{organization_id}",
            "prefect.resource.name": f"organization {organization_id}",
        }
        emit_event(event=ORGANIZATION_READ, resource=resource, payload={"run_id": run_id})
