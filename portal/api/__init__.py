"""The same records for browser code, in SM API's shapes, scoped to whoever is signed in."""
