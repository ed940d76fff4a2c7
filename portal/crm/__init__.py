"""How we talk to SM API, and whose records a viewer may see."""
