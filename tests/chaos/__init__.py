"""People at their pages while SM API fails and programs are killed; nothing may be lost or leak."""
