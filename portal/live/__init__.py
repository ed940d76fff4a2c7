"""Live: an open page learns that the CRM has changed, without asking again and again."""
