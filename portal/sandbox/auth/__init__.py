"""Sign-in at SM API itself: the hub whose session every portal of the platform reads (sm-api §5)."""
