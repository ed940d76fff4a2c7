"""Sign-in at SM API itself: the hub whose session every portal reads (sm-api §5)."""
