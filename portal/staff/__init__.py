"""What Sprint Mode's own people do here."""
