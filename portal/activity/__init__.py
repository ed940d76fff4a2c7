"""What people did in the portal, on its way to the CRM."""
