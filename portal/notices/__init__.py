"""Mail about invoices to those client admins who chose it, once each."""
