"""Sprint Mode's client portal and the embedded SM API that it runs against."""
