"""Many clients at their pages at once: without an error, in memory that stays flat."""
