"""What leaves the portal as a file: invoices and statements as PDF and CSV."""
