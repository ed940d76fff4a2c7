"""Who is asking: sign-in, sessions, and the gate in front of every page."""
